"""“Ce n'est pas la même personne”: an older act keeps a place from a file for both name somebody alike (L. 73)."""
from flask import abort, request
from flask_admin import expose

from admin_views import paging
from models import Couverture, Personne, Procuration
from portal import places, procedure
from portal.errors import Refused

MOST_ALIKE = 10             # acts to compare with
OBSTACLES = {"mandant": "acte_anterieur", "mandataire": "plafond_atteint"}  # what a namesake of each is to a file


class NoHomonym(Refused):
    """No older act keeps a place from the file in that name any more: nobody is to be told apart."""

    status = 409


def places_there(file):
    """Ids of the tours on which a place is there for the file again, if its commune wants it (L. 73)."""
    rows = Couverture.select(Couverture.tour).where(Couverture.procuration == file, Couverture.free)
    return {row.tour_id for row in rows}


def homonyms(file, there):
    """Of a loaded file, the roles whose namesake in an older act may keep a place from it. `there`: see above."""
    obstacles = {why for tour, why in file.obstacles.items() if tour not in there}
    return [role for role in Personne.ROLES if OBSTACLES[role] in obstacles]


class ToldApart:
    """Of the view of procurations."""

    @expose("/distinguer/", methods=("GET", "POST"))
    def distinguer_view(self):
        """The acts to compare with, then the act: it cannot be taken back."""
        row, role = self.get_one(request.values.getlist("id")), request.values.get("role")
        self.load([row])
        if role not in Personne.ROLES:
            abort(400)
        if refusal := procedure.refusal(row, "distinguer"):
            return self.told(row, refusal)
        if role not in homonyms(row, places_there(row)):
            return self.told(row, NoHomonym())
        if request.method == "POST":
            return self.decide("distinguer", self.as_seen(), role)
        return self.compare(row, role)

    def compare(self, row, role):
        """Whom an act of this town hall names the same; of another town hall's, only that there is one."""
        alike = row.people[role], list(row.obstacles)
        others = self.get_query().where(Procuration.id.in_(places.bearing(*alike)))
        others = list(paging.ordered(others, self.keyset).limit(MOST_ALIKE))
        self.load(others)
        self.trace_reading([row, *others])
        return self.render("admin/commune/distinguer.html", model=row, role=role, others=others,
                           elsewhere=places.borne_elsewhere(*alike, row.commune_id))
