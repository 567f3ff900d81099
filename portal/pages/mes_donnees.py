"""What we hold of a voter: a page to read, a file to keep."""
from flask import jsonify, render_template
from flask_login import current_user

from portal import journal, rights
from portal.access import VOTERS, access
from portal.communes import birth_place
from portal.pages import pages
from portal.pages.mes_procurations import MOST, loaded


@pages.get("/mes-donnees")
@access(VOTERS)
def mes_donnees():
    voter = current_user.actor
    return render_template("public/mes_donnees.html", voter=voter, files=gathered(voter), most=MOST,
                           birth_place=birth_place(voter.birth_place))


@pages.get("/mes-donnees.json")
@access(VOTERS)
def mes_donnees_json():
    """A file to save. No cache keeps it (portal.headers)."""
    voter = current_user.actor
    answer = jsonify(rights.document(voter, gathered(voter)))
    answer.headers["Content-Disposition"] = "attachment; filename=mes-donnees.json"
    journal.record(voter, "exporter", "voter", voter.id)
    return answer


def gathered(voter):
    """The voter's files, with `mails`, `accesses` and `kept_until` beside what `loaded` gives: a fixed number of
    statements."""
    files = loaded(rights.own(voter))
    mails, accesses = rights.mails(files), rights.accesses(files)
    for file in files:
        file.mails, file.accesses, file.kept_until = mails[file.id], accesses[file.id], rights.kept_until(file)
    return files
