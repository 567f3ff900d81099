// Checks HTML pages until its standard input ends: a JSON string a line comes in, a JSON list of faults goes out.
import { createInterface } from "node:readline";
import { HtmlValidate, StaticConfigLoader } from "html-validate";

const validator = new HtmlValidate(new StaticConfigLoader({
  root: true,
  extends: ["html-validate:standard"],
}));

for await (const line of createInterface({ input: process.stdin })) {
  const report = await validator.validateString(JSON.parse(line));
  const faults = report.results.flatMap((page) => page.messages).map(
    (fault) => `${fault.line}:${fault.column} ${fault.message} (${fault.ruleId})`);
  process.stdout.write(JSON.stringify(faults) + "\n");
}
