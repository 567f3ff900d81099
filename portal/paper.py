"""A récépissé as a PDF file: one A4 page, tagged, in French, its letters embedded."""
from contextlib import contextmanager
from pathlib import Path

from fpdf import FPDF
from fpdf.prefs import ViewerPreferences

FONTS = Path(__file__).parent / "data"
MARGIN = 18                     # mm, as all lengths here
QR_WIDTH = 36
QUIET_ZONE = 4                  # modules, ISO 18004
LABELS = 50
INDENT = 7
TALLEST = 80                    # a block of text; measuring one costs as much as drawing it
LEADING = 0.46                  # mm of line height for a point of type
INK, MAIN, QUIET, SOFT = (22, 30, 40), (13, 80, 97), (82, 92, 104), (232, 242, 245)


def printed(sheet):
    """The bytes of the PDF file of a `portal.recepisse.Sheet`."""
    page = Page(sheet.title)
    page.head(sheet)
    page.facts(sheet.facts)
    for section in sheet.sections:
        page.section(section)
    page.small_print(sheet.small_print)
    return bytes(page.output())


class Page(FPDF):
    """Writes downwards. A letter the fonts lack is drawn as �: French registers are kept in Latin ones."""

    def __init__(self, title):
        super().__init__(format="A4")
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, MARGIN)
        self.add_font("sans", "", FONTS / "sans.ttf")
        self.add_font("sans", "B", FONTS / "sans-bold.ttf")
        self.set_lang("fr-FR")
        self.set_title(title)
        self.set_author("Maprocuration")
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self.add_page()

    # --- Its parts --------------------------------------------------------------------------------------------------

    def head(self, sheet):
        self.set_fill_color(*MAIN)
        self.rect(0, 0, self.w, 3, style="F")
        self.write_block("P", "Maprocuration", 11, "B", MAIN)
        self.write_block("H1", sheet.title, 21, "B", before=2)
        self.write_block("P", sheet.essence, 12, before=2)
        if sheet.reference:
            self.reference(sheet)

    def reference(self, sheet):
        """The six characters as large as they go, with the words to dictate them and the code to scan them."""
        top, height = self.get_y() + 4, QR_WIDTH + 6
        self.set_fill_color(*SOFT)
        self.rect(MARGIN, top, self.epw, height, style="F", round_corners=True, corner_radius=2)
        with self.tagged("Figure", sheet.code):
            self.draw(sheet.qr.matrix, self.w - MARGIN - QR_WIDTH - 3, top + 3)
        width = self.epw - QR_WIDTH - 12
        self.set_y(top + 6)
        self.write_block("P", sheet.reference, 56, "B", MAIN, indent=6, width=width)
        self.write_block("P", sheet.letters, 9, color=QUIET, before=1, indent=6, width=width)
        self.set_y(top + height)

    def facts(self, facts):
        self.ln(3)
        for label, values in facts:
            top = self.get_y() + 1.5
            self.write_block("P", label, 9.5, color=QUIET, before=2, width=LABELS - 4)
            below = self.get_y()
            self.set_y(top)
            for value in values:
                self.write_block("P", value, 10.5, "B", indent=LABELS)
            self.set_y(max(below, self.get_y()))

    def section(self, section):
        self.write_block("H2", section.heading, 13, "B", MAIN, before=5, below=20)
        for mark, texts in section.groups:
            for number, text in enumerate(texts, 1):
                self.entry({"-": "•", "1.": f"{number}."}.get(mark), text)

    def entry(self, bullet, text):
        self.write_block("P", text, 11, before=1.5, indent=INDENT if bullet else 0, hung=bullet)

    def small_print(self, texts):
        for number, text in enumerate(texts):
            self.write_block("P", text, 8.5, color=QUIET, before=0.5 if number else 5)

    # --- Its pen ----------------------------------------------------------------------------------------------------

    def write_block(self, kind, text, size, style="", color=INK, *, before=0, below=0, indent=0, width=0, hung=None):
        """A block of text under what is written, on the next page where it does not fit with what stands `below` it.
        `kind` is its tag, `hung` a bullet in its indent."""
        self.set_font("sans", style, size)
        self.set_text_color(*color)
        text = self.drawable(text)
        layout = {"w": width or self.epw - indent, "h": size * LEADING, "text": text, "align": "L",
                  "new_x": "LMARGIN", "new_y": "NEXT"}
        if self.will_page_break(TALLEST) and self.will_page_break(
                before + below + self.multi_cell(**layout, dry_run=True, output="HEIGHT")):
            self.add_page()
        self.ln(before)
        with self.tagged(kind):
            if hung:
                self.cell(indent, size * LEADING, hung)
            self.set_x(MARGIN + indent)
            self.multi_cell(**layout)

    def drawable(self, text):
        known = self.current_font.cmap
        return "".join(sign if ord(sign) in known else "\ufffd" for sign in text)

    def draw(self, matrix, left, top):
        """A QR code, as one path: neighbours that are drawn apart show hairlines."""
        module = QR_WIDTH / (len(matrix) + 2 * QUIET_ZONE)
        self.set_fill_color(255, 255, 255)
        self.rect(left, top, QR_WIDTH, QR_WIDTH, style="F")
        self.set_fill_color(0, 0, 0)
        for row, modules in enumerate(matrix, QUIET_ZONE):
            for first, length in runs(modules):
                self.rect(left + (first + QUIET_ZONE) * module, top + row * module, length * module, module * 1.02,
                          style="F")

    @contextmanager
    def tagged(self, kind, instead=None):
        """What is drawn here is an H1, H2, P or Figure of the document's structure; `instead` is read in its place. The
        library itself tags figures only."""
        with self._marked_sequence(alt_text=instead) as element:
            element.s = f"/{kind}"
            yield


def runs(modules):
    """(first, length) of each row of dark modules."""
    first = None
    for place, dark in enumerate((*modules, 0)):
        if dark and first is None:
            first = place
        elif not dark and first is not None:
            yield first, place - first
            first = None
