"""What a voter keeps of a file: its récépissé, as a page and as a PDF file, and the days of the vote for a calendar."""
from flask import Response, redirect, render_template, url_for

from portal import documents
from portal.access import VOTERS, access
from portal.pages import pages
from portal.pages.mes_procurations import own


@pages.get("/mes-procurations/<int:number>/recepisse")
@access(VOTERS)
def recepisse(number):
    procuration = own(number)
    sheet = documents.recepisse(procuration)
    return render_template("public/recepisse.html", procuration=procuration, sheet=sheet) if sheet else back()


@pages.get("/mes-procurations/<int:number>/recepisse.pdf")
@access(VOTERS)
def recepisse_pdf(number):
    return sent(documents.of(own(number), "application/pdf"))


@pages.get("/mes-procurations/<int:number>/jours-de-vote.ics")
@access(VOTERS)
def calendrier(number):
    return sent(documents.of(own(number), "text/calendar"))


def sent(document):
    """The document to save; what the list says of the file, where its state has none."""
    if document is None:
        return back()
    return Response(document.content, mimetype=document.media_type,
                    headers={"Content-Disposition": f"attachment; filename={document.filename}"})


def back():
    return redirect(url_for(".mes_procurations"), 303)
