"""What a voter asked for, where it stands, and how to withdraw it."""
from flask import render_template

from portal.access import VOTERS, access
from portal.pages import pages


@pages.get("/mes-procurations")
@access(VOTERS)
def mes_procurations():
    return render_template("public/mes_procurations.html")


@pages.route("/mes-procurations/<int:number>/retirer", methods=["GET", "POST"])
@access(VOTERS)
def retirer(number):
    return render_template("public/retirer.html")
