"""The tables of Maprocuration, its states and its transitions.

    places and polls   Commune, CommuneName, Scrutin, Tour, TourDay, Rules
    people             Voter, Agent, Passkey, WebSession, SavedSearch, SingleUse, Hit
    the file           Procuration, TourVise, Personne, Reference, Passage, Couverture, Mot
    electoral rolls    RollFile, RollPart, Roll, Elector
    first accounts     MairieLink, AgentFile, AgentPart, AgentLine
    what leaves it     Mail, OptOut, Event, JournalMonth
    the clock          Job

Rows only: what may be done with them is in `portal/`, who may see them in `admin_views/base.py`. A change here wants a
migration (`migrations/`); tests compare the two.
"""
import datetime
import json
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from peewee import (AutoField, BigAutoField, BigIntegerField, BlobField, BooleanField, CharField, Check, CompositeKey,
                    DatabaseProxy, DateField, Field, FixedCharField, ForeignKeyField, IntegerField, Model,
                    PostgresqlDatabase, SQL, TextField)

database = DatabaseProxy()
UTC = datetime.timezone.utc


def now():
    return datetime.datetime.now(UTC)


# --- Columns --------------------------------------------------------------------------------------------------------

class UtcDateTimeField(Field):
    """An instant. Takes aware datetimes only, gives them back in UTC; as text (SQLite) it sorts like time."""

    field_type = "TIMESTAMPTZ"

    def db_value(self, value):
        if not isinstance(value, datetime.datetime):
            return value
        if value.tzinfo is None:
            raise ValueError(f"{self.name}: an instant without a time zone")
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")

    def python_value(self, value):
        if isinstance(value, str):
            value = datetime.datetime.fromisoformat(value)
        return value.astimezone(UTC) if value else value


class JsonField(TextField):
    """A small document kept as text: the engines' own types differ too much to be compared."""

    def db_value(self, value):
        return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)

    def python_value(self, value):
        return value if value is None else json.loads(value)


class WordField(CharField):
    """Text ordered byte by byte on both engines: "begins with" is then a range of the index."""

    @property
    def collation(self):
        return '"C"' if isinstance(database.obj, PostgresqlDatabase) else None

    @collation.setter
    def collation(self, value):
        """The engine decides."""

    def begins(self, start):
        return (self >= start) & (self < start + "\U0010ffff")  # sorts after any character


def one_of(column, values):
    """A CHECK that keeps `column` within `values` (NULL passes, as SQL has it)."""
    listed = ", ".join(f"'{value}'" for value in values)
    return Check(f"{column} IN ({listed})")


class Table(Model):
    class Meta:
        database = database
        legacy_table_names = False
        only_save_dirty = True


# --- Roles, states, transitions -------------------------------------------------------------------------------------

class Role(StrEnum):
    VOTER = "voter"
    OFFICER = "officer"      # OPJ, or APJ habilitated by the judge (R. 72-1)
    COMMUNE = "commune"      # agent of the mayor's service
    MANAGER = "manager"      # the mayor, or who has the mayor's delegation
    MINISTRY = "ministry"
    CLOCK = "clock"          # the system itself: jobs and consequences


AGENT_ROLES = (Role.OFFICER, Role.COMMUNE, Role.MANAGER, Role.MINISTRY)
TOWN_HALL = (Role.COMMUNE, Role.MANAGER)


class Status(StrEnum):
    DEPOSEE = "deposee"
    RETIREE = "retiree"
    REFUSEE = "refusee"
    CADUQUE = "caduque"
    ETABLIE = "etablie"
    VALIDEE = "validee"
    INVALIDEE = "invalidee"
    ANNULEE = "annulee"
    RESILIEE = "resiliee"


BEFORE_ESTABLISHMENT = (Status.DEPOSEE, Status.RETIREE, Status.REFUSEE, Status.CADUQUE)
LIVE = (Status.ETABLIE, Status.VALIDEE)


class Transition(NamedTuple):
    """`sources` is empty where the file begins. `reasons` is the closed list to choose from, empty where none is."""

    act: str
    sources: tuple
    target: Status
    roles: tuple
    reasons: tuple = ()


TRANSITIONS = {transition.act: transition for transition in (
    Transition("deposer", (), Status.DEPOSEE, (Role.VOTER,)),
    Transition("retirer", (Status.DEPOSEE,), Status.RETIREE, (Role.VOTER, Role.CLOCK),
               ("choix_du_mandant", "remplacee_par_une_autre")),
    Transition("etablir", (Status.DEPOSEE,), Status.ETABLIE, (Role.OFFICER, Role.VOTER)),
    Transition("saisir", (), Status.ETABLIE, TOWN_HALL),
    Transition("corriger", (Status.ETABLIE,), Status.ETABLIE, TOWN_HALL),
    Transition("attribuer", (Status.ETABLIE,), Status.ETABLIE, TOWN_HALL),
    Transition("distinguer", (Status.ETABLIE,), Status.ETABLIE, TOWN_HALL),
    Transition("refuser", (Status.DEPOSEE,), Status.REFUSEE, (Role.OFFICER,),
               ("identite_differente", "piece_non_probante", "volonte_non_libre", "demande_du_mandant")),
    Transition("defaire", (Status.ETABLIE,), Status.DEPOSEE, (Role.OFFICER,),
               ("erreur_de_saisie", "erreur_de_personne", "demande_du_mandant")),
    Transition("valider", (Status.ETABLIE,), Status.VALIDEE, (*TOWN_HALL, Role.CLOCK)),
    Transition("invalider", (Status.ETABLIE,), Status.INVALIDEE, (*TOWN_HALL, Role.CLOCK),
               ("mandant_non_inscrit", "mandataire_non_inscrit", "mandataire_inconnu", "autre_commune",
                "plafond_atteint", "acte_anterieur", "duree_illegale", "autorite_non_habilitee", "autre")),
    Transition("reprendre", (Status.VALIDEE, Status.INVALIDEE), Status.ETABLIE, TOWN_HALL),
    Transition("annuler", LIVE, Status.ANNULEE, (*TOWN_HALL, Role.CLOCK),
               ("deces_du_mandataire", "perte_des_droits", "acte_anterieur_recu")),
    Transition("resilier", LIVE, Status.RESILIEE, (Role.OFFICER, Role.VOTER, *TOWN_HALL)),
    Transition("perimer", (Status.DEPOSEE,), Status.CADUQUE, (Role.CLOCK,)),
)}


# --- Places and polls -----------------------------------------------------------------------------------------------

class Commune(Table):
    """A town of today's official list, overseas collectivities included. Kept for ever: files point at it."""

    code = FixedCharField(5, primary_key=True)                  # INSEE, COG
    name = CharField(80)
    departement = CharField(3)
    population = IntegerField(default=0)
    postal_codes = TextField(default="")                        # separated by spaces
    zone = CharField(40, default="Europe/Paris")                # IANA: days are local
    listed = BooleanField(default=True)                         # false once it left the official list
    email = CharField(254, null=True)                           # the mairie's own address
    unreminded_at = UtcDateTimeField(null=True)                 # its manager wants no daily reminder there since

    @property
    def label(self):
        """Unique in the country: no two communes share name and département."""
        return f"{self.name} ({self.departement})"

    @property
    def territories(self):
        """From the most specific to the whole country, as `Rules` and `TourDay` name them."""
        return (self.code, self.departement, COUNTRY)


COUNTRY = "FR"  # the territory that contains all others


class CommuneName(Table):
    """What somebody may type, and the commune it leads to today: names of today and old ones, postal codes, words."""

    KINDS = ("actuelle", "deleguee", "associee", "arrondissement", "ancienne", "postal", "mot")

    id = AutoField()
    commune = ForeignKeyField(Commune, on_delete="CASCADE", backref="names")
    name = CharField(80)
    key = WordField(80, index=True)                             # normal form, see portal.communes.name_key
    kind = CharField(16, constraints=[one_of("kind", KINDS)])
    code = FixedCharField(5)                                    # its own INSEE code, perhaps a former one

    class Meta:
        indexes = ((("code", "kind", "key"), True),)


class Scrutin(Table):
    """An election in a territory; elections held together are one scrutin."""

    id = AutoField()
    name = CharField(120, unique=True)
    territory = CharField(5, default=COUNTRY)
    opens_at = UtcDateTimeField()                               # requests that name it are accepted from here


class Tour(Table):
    """One national voting appointment."""

    id = AutoField()
    scrutin = ForeignKeyField(Scrutin, on_delete="RESTRICT", backref="tours", index=False)
    number = IntegerField(constraints=[Check("number IN (1, 2)")])
    day = DateField()

    class Meta:
        indexes = ((("scrutin", "number"), True),)


class TourDay(Table):
    """Where a tour is held on another day (overseas, Saturday), or not held at all."""

    id = AutoField()
    tour = ForeignKeyField(Tour, on_delete="CASCADE", backref="days", index=False)
    territory = CharField(5)
    day = DateField(null=True)                                  # None: not held there

    class Meta:
        indexes = ((("tour", "territory"), True),)


class Rules(Table):
    """The law of a scrutin in a territory; the most specific row wins (scrutin before territory)."""

    MODES = ("commune", "assisted", "automatic")
    LISTS = ("LP", "LP LCM", "LP LCE")

    id = AutoField()
    scrutin = ForeignKeyField(Scrutin, null=True, on_delete="CASCADE", index=False)
    territory = CharField(5, default=COUNTRY)
    places_france = IntegerField(default=1)                     # L. 73: established in France
    places = IntegerField(default=2)                            # L. 73: in all
    same_commune = BooleanField(default=False)                  # L. 72 before 2022, and Nouvelle-Calédonie
    mode = CharField(10, default="commune", constraints=[one_of("mode", MODES)])
    lists = CharField(6, default="LP", constraints=[one_of("lists", LISTS)])  # that vote: main one, EU citizens' ones
    certified_identity = BooleanField(default=False)            # décret 2025-1059: no visit with a certified identity

    class Meta:
        indexes = ((("scrutin", "territory"), True),)


# NULLs are all different in a unique index: the rules outside any scrutin need their own.
Rules.add_index(Rules.index(Rules.territory, unique=True, where=Rules.scrutin.is_null(), name="rules_general"))


# --- People ---------------------------------------------------------------------------------------------------------

SEXES = ("F", "M", "X")                                         # X: FranceConnect's "unspecified"


class Voter(Table):
    """Somebody FranceConnect sent us. Its identity is FranceConnect's and never typed. Erased with its last file."""

    id = AutoField()
    issuer = CharField(255)
    sub = CharField(255)                                        # opaque; changes with the civil status
    birth_name = CharField(255)
    used_name = CharField(255, null=True)
    first_names = CharField(255)
    sex = FixedCharField(1, constraints=[one_of("sex", SEXES)])
    birth_date = FixedCharField(10)                             # YYYY-MM-DD, 00 where the registry has none
    birth_place = CharField(5, default="")                      # INSEE commune, empty when born abroad
    birth_country = CharField(5, default="")
    email = CharField(254, null=True)                           # as FranceConnect gave it
    key = WordField(600, index=True)                            # normal form, see portal.names.person_key
    seen_at = UtcDateTimeField()

    role = Role.VOTER

    class Meta:
        indexes = ((("issuer", "sub"), True),)


class Agent(Table):
    """An account: officer, town hall or ministry. No default one exists; suspended rather than deleted."""

    id = AutoField()
    email = CharField(254, unique=True)                         # lower case; the log-in
    first_name = CharField(100)
    last_name = CharField(100)
    role = CharField(10, constraints=[one_of("role", AGENT_ROLES)])
    quality = CharField(100, default="")                        # "brigadier-chef, APJ", "adjointe au maire"
    unit = CharField(150, default="")                           # the station
    place = CharField(80, default="")                           # the town it stands in: "fait à …"
    commune = ForeignKeyField(Commune, null=True, on_delete="RESTRICT")
    password_hash = CharField(255, null=True)                   # None until the invitation is used
    totp_secret = CharField(255, null=True)                     # sealed, see portal.second_factor
    totp_since = UtcDateTimeField(null=True)
    habilitated_from = DateField(null=True)
    habilitated_until = DateField(null=True)
    delegated_from = DateField(null=True)                       # of a manager: the mayor's delegation
    delegated_until = DateField(null=True)
    birth_date = FixedCharField(10, null=True)                  # YYYY-MM-DD: tells an officer from a namesake
    siret = FixedCharField(14, null=True)                       # of the service, as ProConnect must say it
    issuer = CharField(255, null=True)                          # ProConnect's, once the account is linked…
    sub = CharField(255, null=True)                             # …to whom it knows under this subject
    look_up_suspended_at = UtcDateTimeField(null=True)          # too many misses at the counter
    suspended_at = UtcDateTimeField(null=True)
    suspended_by = CharField(10, null=True)                     # the role that did: a manager undoes no ministry's act
    seen_at = UtcDateTimeField(null=True, index=True)           # last log-in
    created_at = UtcDateTimeField(default=now)

    class Meta:
        # Who has no perimeter must not match rows that have none.
        constraints = [Check("(role IN ('commune', 'manager')) = (commune_id IS NOT NULL)")]
        indexes = ((("issuer", "sub"), True),)

    @property
    def name(self):
        return f"{self.first_name} {self.last_name}"


class Passkey(Table):
    """A passkey of an agent: the public half only. Dies with the account's second factor, or when its owner says so."""

    id = AutoField()
    agent = ForeignKeyField(Agent, on_delete="CASCADE")
    credential = CharField(1400, unique=True)                   # base64url (WebAuthn: 1023 bytes at most)
    public_key = TextField()                                    # COSE, base64url
    sign_count = BigIntegerField(default=0)
    name = CharField(60, default="")                            # its owner's word for it
    created_at = UtcDateTimeField(default=now)
    used_at = UtcDateTimeField(null=True)


class WebSession(Table):
    """A log-in. The cookie holds a random token, the row its SHA-256. Deleted at logout, kept a day at most."""

    token_hash = FixedCharField(64, primary_key=True)
    voter = ForeignKeyField(Voter, null=True, on_delete="CASCADE")
    agent = ForeignKeyField(Agent, null=True, on_delete="CASCADE")
    login = CharField(64)                                       # rows of one log-in die together (double click)
    id_token = TextField(null=True)                             # FranceConnect wants it back at logout
    evidence = JsonField(null=True)                             # how a voter was identified, see portal.oidc.Tokens
    certified = JsonField(null=True)                            # a stronger proof, for one act: see portal.certified
    certified_token = TextField(null=True)                      # FranceConnect+ wants it back at logout
    device = CharField(40, default="")                          # browser and system of an agent, in two words
    started_at = UtcDateTimeField(default=now)
    seen_at = UtcDateTimeField(default=now)
    proved_at = UtcDateTimeField(null=True)                     # an agent's last proof by code, passkey or ProConnect

    class Meta:
        constraints = [Check("(voter_id IS NULL) <> (agent_id IS NULL)")]
        indexes = ((("login",), False), (("started_at",), False))


class SavedSearch(Table):
    """Words an agent searched: posted and kept here, so that no name stands in a URL. Dies with the session."""

    id = FixedCharField(22, primary_key=True)
    session = ForeignKeyField(WebSession, on_delete="CASCADE")
    words = TextField()
    created_at = UtcDateTimeField(default=now)


class SingleUse(Table):
    """Something that works once: OIDC state, invitation, opened file… Only its hash is kept."""

    KINDS = ("oidc", "logout", "invitation", "file", "address", "password", "totp", "recovery",
             "mandataire", "retrouver", "verifier", "proconnect", "passkey", "reset")

    hash = FixedCharField(64, primary_key=True)
    kind = CharField(12, constraints=[one_of("kind", KINDS)])
    subject = TextField(index=True)                             # what it opens, for whom
    expires_at = UtcDateTimeField(index=True)
    used_at = UtcDateTimeField(null=True)


class Hit(Table):
    """How often something was asked within a window of time, see `portal.limits`. Useless once the window ended."""

    key = FixedCharField(64, primary_key=True)                  # HMAC of the limit and of whom it counts
    count = IntegerField()
    until = UtcDateTimeField(index=True)


# --- The file -------------------------------------------------------------------------------------------------------

class Procuration(Table):
    """A vote given to somebody else, from the request to the commune's decision.

    Erased one year after the end of its validity, two months after filing when it was never established.
    """

    ORIGINS = ("online", "paper")
    # Why a town hall should look at an act again: it lost its place to an older one, a place is free again, another
    # roll says otherwise, a tour moved, the mandataire declined.
    ATTENTIONS = ("place_perdue", "place_libre", "liste_changee", "tour_change", "mandataire_decline")

    id = AutoField()
    commune = ForeignKeyField(Commune, on_delete="RESTRICT", index=False)  # where the mandant votes
    voter = ForeignKeyField(Voter, null=True, on_delete="RESTRICT", index=False)  # None: on paper
    status = CharField(10, constraints=[one_of("status", Status)])
    version = IntegerField(default=0)                           # moves with each transition; forms carry it
    origin = CharField(8, default="online", constraints=[one_of("origin", ORIGINS)])
    scrutin = ForeignKeyField(Scrutin, null=True, on_delete="RESTRICT", index=False)  # None: a period
    valid_until = DateField()                                   # last day covered, local to the commune
    email = CharField(254, null=True)                           # where the mandant is told
    email_confirmed_at = UtcDateTimeField(null=True)            # None, online: its mails are held
    filing_key = CharField(64, null=True, unique=True)          # one request per form sent
    evidence = JsonField(null=True)                             # how its mandant was identified when filing
    filed_at = UtcDateTimeField(null=True)
    lapses_at = UtcDateTimeField(null=True)                     # a request nobody presented by then is caduque
    established_at = UtcDateTimeField(null=True)                # legal order of the acts (L. 73)
    officer = ForeignKeyField(Agent, null=True, on_delete="RESTRICT")
    authority = CharField(255, default="")                      # name and quality, as written on the act
    authority_place = CharField(80, default="")
    abroad = BooleanField(default=False)                        # established outside France (L. 73, R. 74)
    timed = BooleanField(default=True)                          # a paper act may say its day only
    certified = JsonField(null=True)                            # established without a visit: acr, auth_time, issuer…
    decided_at = UtcDateTimeField(null=True)
    verdict = CharField(14, null=True)                          # of the usual checks, the gravest of `verdicts`
    verdicts = JsonField(null=True)                             # see portal.checks
    review_at = UtcDateTimeField(null=True)                     # from then on the clock decides what is certain
    attention = CharField(20, null=True, constraints=[one_of("attention", ATTENTIONS)])
    declined_at = UtcDateTimeField(null=True)                   # the mandataire said no

    class Meta:
        constraints = [
            Check("(established_at IS NULL) = (status IN ('deposee', 'retiree', 'refusee', 'caduque'))"),
            Check("(origin = 'paper') = (voter_id IS NULL)"),
        ]
        indexes = (
            (("commune", "established_at", "id"), False),
            (("commune", "status", "established_at", "id"), False),
            (("commune", "verdict", "established_at", "id"), False),
            (("voter", "filed_at"), False),
            (("status", "lapses_at", "id"), False),
            (("scrutin", "id"), False),
            (("valid_until", "id"), False),
        )

    @cached_property
    def people(self):
        """Both identities by role; one statement, once per row read."""
        return {person.role: person for person in self.personnes}

    @cached_property
    def reference(self):
        """The reference shown at the counter, None for a paper act."""
        return self.references.where(Reference.kind == "etablir").order_by(Reference.drawn_at.desc()).first()

    @property
    def awaits_confirmation(self):
        """Its mails are held until the mandant has confirmed the address."""
        return bool(self.email and self.voter_id and not self.email_confirmed_at)

    @property
    def mandant(self):
        return self.people["mandant"]

    @property
    def mandataire(self):
        return self.people["mandataire"]


# Requests that were never established are few among all files, and live two months.
Procuration.add_index(Procuration.index(Procuration.filed_at, Procuration.id,
                                        where=Procuration.established_at.is_null(), name="procuration_not_established"))
# Where the rules let the clock decide, a file waits for it some minutes.
Procuration.add_index(Procuration.index(Procuration.review_at, Procuration.id,
                                        where=Procuration.review_at.is_null(False), name="procuration_to_review"))
# What awaits a decision in the whole country, among all that was decided.
Procuration.add_index(Procuration.index(Procuration.commune, Procuration.valid_until, Procuration.established_at,
                                        where=Procuration.status == SQL("'etablie'"), name="procuration_to_decide"))
# What a town hall should look at again is little among all it holds.
Procuration.add_index(Procuration.index(Procuration.commune, Procuration.attention,
                                        where=Procuration.attention.is_null(False), name="procuration_attention"))


class TourVise(Table):
    """A tour the mandant asked for. A file without any covers the tours of its period."""

    procuration = ForeignKeyField(Procuration, on_delete="CASCADE", backref="tours_vises", index=False)
    tour = ForeignKeyField(Tour, on_delete="RESTRICT", index=False)
    day = DateField(null=True)                                  # the local one that the mandant was told last

    class Meta:
        primary_key = CompositeKey("procuration", "tour")
        indexes = ((("tour", "procuration"), False),)           # a tour that moves: its files, batch after batch


class Personne(Table):
    """The mandant or the mandataire of one file, as they were named in it."""

    ROLES = ("mandant", "mandataire")

    id = AutoField()
    procuration = ForeignKeyField(Procuration, on_delete="CASCADE", backref="personnes", index=False)
    role = CharField(10, constraints=[one_of("role", ROLES)])
    birth_name = CharField(255)
    used_name = CharField(255, null=True)
    first_names = CharField(255)
    sex = FixedCharField(1, constraints=[one_of("sex", SEXES)])
    birth_date = FixedCharField(10)
    birth_place = CharField(100, default="")                    # in words
    commune = ForeignKeyField(Commune, null=True, on_delete="RESTRICT", index=False)  # of registration
    nne = CharField(9, null=True)                               # numéro national d'électeur, text
    email = CharField(254, null=True)                           # of a mandataire, if the mandant gave one
    station = CharField(60, null=True)                          # the mandant's polling station, from the roll
    key = WordField(600)                                        # normal form, see portal.names.person_key

    class Meta:
        indexes = ((("procuration", "role"), True), (("key",), False), (("commune", "id"), False))


class Reference(Table):
    """Six characters that name a file at a counter. An identifier, never a credential."""

    ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"                   # no vowel: no word; no 0/O, 1/I/L
    KINDS = ("etablir", "resilier")

    code = FixedCharField(6, primary_key=True, constraints=[Check("length(code) = 6")])
    procuration = ForeignKeyField(Procuration, on_delete="CASCADE", backref="references")
    kind = CharField(8, constraints=[one_of("kind", KINDS)])
    drawn_at = UtcDateTimeField(default=now)
    used_at = UtcDateTimeField(null=True)
    ended_at = UtcDateTimeField(null=True)                      # of a résiliation: given up, or refused at the counter
    reason = CharField(30, null=True)                           # why it ended, one of `portal.resiliation`

    @property
    def shown(self):
        return f"{self.code[:3]} {self.code[3:]}"


class Passage(Table):
    """One transition of a file: who, when, why. Feeds the timelines and is erased with the file."""

    id = BigAutoField()
    procuration = ForeignKeyField(Procuration, on_delete="CASCADE", backref="passages", index=False)
    act = CharField(10, constraints=[one_of("act", TRANSITIONS)])
    status = CharField(10, constraints=[one_of("status", Status)])  # reached
    version = IntegerField()                                    # reached
    role = CharField(10)
    agent = ForeignKeyField(Agent, null=True, on_delete="RESTRICT", index=False)
    at = UtcDateTimeField()
    reason = CharField(30, null=True)
    comment = TextField(null=True)
    changes = JsonField(null=True)                              # of a correction: {column: [before, after]}
    evidence = JsonField(null=True)                             # of a résiliation: paper act, or certified log-in

    class Meta:
        indexes = ((("procuration", "version"), True), (("agent", "at"), False))


class Couverture(Table):
    """A live procuration on a tour it covers. `place` is None where the law left none (L. 73)."""

    id = BigAutoField()
    procuration = ForeignKeyField(Procuration, on_delete="CASCADE", backref="couvertures", index=False)
    tour = ForeignKeyField(Tour, on_delete="RESTRICT")
    mandant_key = CharField(600)
    mandataire_key = CharField(600)
    place = IntegerField(null=True, constraints=[Check("place > 0")])
    abroad = BooleanField(default=False)                        # as its procuration: counted apart (L. 73)
    lost = BooleanField(default=False)                          # an older act took its place; nobody decided since
    free = BooleanField(default=False)                          # a place is there for it, if its commune wants it

    class Meta:
        indexes = ((("procuration", "tour"), True), (("mandataire_key", "tour", "place"), True),
                   (("mandant_key", "tour"), False))


# One act per mandant and tour: the later one stands without a place (L. 73, L. 75).
Couverture.add_index(Couverture.index(Couverture.mandant_key, Couverture.tour, unique=True,
                                      where=Couverture.place.is_null(False), name="couverture_mandant_once"))
# Acts without a place are few among all: PostgreSQL would rather read the whole table for them.
Couverture.add_index(Couverture.index(Couverture.procuration, where=Couverture.place.is_null(),
                                      name="couverture_without_place"))


class Mot(Table):
    """A word of a name in an established file: answers search by the beginning of any word of any name."""

    commune = ForeignKeyField(Commune, on_delete="CASCADE", index=False)
    word = WordField(60)
    procuration = ForeignKeyField(Procuration, on_delete="CASCADE")

    class Meta:
        primary_key = CompositeKey("commune", "word", "procuration")


# --- Electoral rolls ------------------------------------------------------------------------------------------------

class RollFile(Table):
    """A file that is to become the roll of a commune: what was read of it so far. Gone once it did, or a day later."""

    STATES = ("receiving", "reading", "ready", "refused")

    id = AutoField()
    commune = ForeignKeyField(Commune, on_delete="CASCADE", unique=True)    # one at a time
    agent = ForeignKeyField(Agent, null=True, on_delete="SET NULL")         # None: the command line
    state = CharField(10, default="receiving", constraints=[one_of("state", STATES)])
    fingerprint = FixedCharField(64)                            # SHA-256
    position = BigIntegerField(default=0)                       # bytes read
    line = IntegerField(default=0)                              # lines read
    layout = JsonField(null=True)                               # where its columns are, see portal.roll_files
    report = JsonField(null=True)                               # what was found in it, see portal.roll_files
    refusal = JsonField(null=True)                              # name and facts of what stopped the reading
    created_at = UtcDateTimeField(default=now)


class RollPart(Table):
    """A piece of an uploaded file, until it is read."""

    SIZE = 1024 * 1024                                          # bytes, of each but the last

    file = ForeignKeyField(RollFile, on_delete="CASCADE", backref="parts", index=False)
    number = IntegerField()                                     # from 0
    content = BlobField()

    class Meta:
        primary_key = CompositeKey("file", "number")


class Roll(Table):
    """An electoral roll of a commune, by kind: main one (LP), EU citizens' for municipal (LCM) or European (LCE) polls.

    Only `current` ones are ever read; a former one is erased as soon as it was replaced.
    """

    KINDS = ("LP", "LCM", "LCE")
    STATES = ("draft", "current", "former")

    id = AutoField()
    commune = ForeignKeyField(Commune, on_delete="CASCADE")
    file = ForeignKeyField(RollFile, null=True, on_delete="SET NULL")       # of a draft
    kind = CharField(3, constraints=[one_of("kind", KINDS)])
    state = CharField(7, default="draft", constraints=[one_of("state", STATES)])
    fingerprint = FixedCharField(64)                            # of the file it came from
    lines = IntegerField(default=0)                             # electors
    left_out = IntegerField(default=0)                          # lines of its file that could not be read
    agent = ForeignKeyField(Agent, null=True, on_delete="SET NULL")
    created_at = UtcDateTimeField(default=now)
    current_since = UtcDateTimeField(null=True)


Roll.add_index(Roll.index(Roll.commune, Roll.kind, unique=True, where=Roll.state == SQL("'current'"),
                          name="roll_current"))
Roll.add_index(Roll.index(Roll.state, where=Roll.state != SQL("'current'"), name="roll_not_current"))


class Elector(Table):
    """Somebody on a roll, as it names them. No address is kept; replaced with the roll."""

    id = BigAutoField()
    roll = ForeignKeyField(Roll, on_delete="CASCADE", index=False)
    birth_name = CharField(255)
    used_name = CharField(255, null=True)
    first_names = CharField(255)
    sex = FixedCharField(1, constraints=[one_of("sex", SEXES)])
    birth_date = FixedCharField(10)                             # YYYY-MM-DD, 00 where the roll says nothing
    key = WordField(520, index=True)                            # normal form, see portal.rolls.key_of
    used_key = WordField(520, null=True)                        # the same of the used name
    station = CharField(10, default="")                         # code of the polling station
    station_label = CharField(100, default="")
    number = CharField(10, default="")                          # order within the station
    nne = CharField(9, null=True)                               # few files have it

    class Meta:
        indexes = ((("roll", "key"), False), (("roll", "used_key"), False))


# --- First accounts -------------------------------------------------------------------------------------------------

class MairieLink(Table):
    """A mairie was invited, at its own address, to name its first manager. One a commune; its last one.

    `asked` is who was named, until their own address is proven by a link of their own.
    """

    commune = ForeignKeyField(Commune, primary_key=True, on_delete="CASCADE")
    hash = FixedCharField(64, null=True, unique=True)           # of the mairie's link, while it opens something
    invited_at = UtcDateTimeField(default=now)
    asked = JsonField(null=True)                                # columns of an Agent
    own_hash = FixedCharField(64, null=True, unique=True)       # of the link sent to the address in `asked`
    asked_at = UtcDateTimeField(null=True)


class AgentFile(Table):
    """A file of accounts, or of mairies' addresses, that the ministry takes in: what was found in it, how far it is.

    One at a time. Its lines are kept a week after it was sent, for the report; a day where nobody confirmed it.
    """

    KINDS = ("agents", "mairies")
    STATES = ("receiving", "reading", "ready", "refused", "applying", "done", "former")

    id = AutoField()
    kind = CharField(7, null=True, constraints=[one_of("kind", KINDS)])     # None until its headers are read
    agent = ForeignKeyField(Agent, null=True, on_delete="SET NULL")         # None: the command line
    state = CharField(10, default="receiving", constraints=[one_of("state", STATES)])
    invite = BooleanField(default=False)                        # those whose accounts it makes, at once
    fingerprint = FixedCharField(64)                            # SHA-256
    position = BigIntegerField(default=0)                       # bytes read
    line = IntegerField(default=0)                              # lines read
    layout = JsonField(null=True)                               # see portal.agent_files
    report = JsonField(null=True)                               # how many lines of each outcome
    refusal = JsonField(null=True)                              # name and facts of what stopped the reading
    created_at = UtcDateTimeField(default=now)


class AgentPart(Table):
    """A piece of such a file, until it is read."""

    file = ForeignKeyField(AgentFile, on_delete="CASCADE", backref="parts", index=False)
    number = IntegerField()                                     # from 0
    content = BlobField()

    class Meta:
        primary_key = CompositeKey("file", "number")


class AgentLine(Table):
    """A line of such a file: whom it names, what it says of them, and what comes of it."""

    OUTCOMES = ("create", "change", "end", "same", "refused")

    file = ForeignKeyField(AgentFile, on_delete="CASCADE", backref="lines", index=False)
    line = IntegerField()                                       # of the file, from 1
    subject = CharField(254, default="")                        # address of the account, code of the commune
    outcome = CharField(7, constraints=[one_of("outcome", OUTCOMES)])
    cell = CharField(20, null=True)                             # of a refused line: the column…
    fault = CharField(20, null=True)                            # …and what is wrong
    content = JsonField(null=True)                              # what it says, as text by column; facts of a fault

    class Meta:
        primary_key = CompositeKey("file", "line")
        indexes = ((("file", "subject"), False), (("file", "outcome", "line"), False))


# --- What leaves it -------------------------------------------------------------------------------------------------

class Mail(Table):
    """A message to send, or a letter to post, written in the transaction of the act it tells. Its content is erased
    after 30 days.
    """

    STATES = ("held", "waiting", "sending", "sent", "dead", "letter")  # letter: on paper, until somebody posted it

    id = BigAutoField()
    key = CharField(120, unique=True)                           # act : file : version : recipient's role
    procuration = ForeignKeyField(Procuration, null=True, on_delete="CASCADE")
    name = CharField(20)                                        # folder of templates/mails
    recipient = CharField(254)                                  # empty: a letter
    commune = ForeignKeyField(Commune, null=True, on_delete="RESTRICT", index=False)  # the one that posts a letter
    context = JsonField(null=True)                              # facts of the moment, see portal.mail
    state = CharField(8, default="waiting", constraints=[one_of("state", STATES)])
    tries = IntegerField(default=0)
    next_at = UtcDateTimeField(default=now)
    lease_until = UtcDateTimeField(null=True)
    error = CharField(200, null=True)                           # the server's last word, without addresses
    created_at = UtcDateTimeField(default=now)
    sent_at = UtcDateTimeField(null=True)

    class Meta:
        indexes = ((("state", "next_at"), False),)


# Contents that are to be erased, among millions that are.
Mail.add_index(Mail.index(Mail.created_at, Mail.id, where=Mail.context.is_null(False), name="mail_with_content"))

# The letters of one town hall, among the mails of the whole country.
Mail.add_index(Mail.index(Mail.commune, Mail.state, Mail.id, where=Mail.commune.is_null(False), name="mail_letters"))


class OptOut(Table):
    """An address that wants no mail as a mandataire's, as an HMAC only. Kept for ever: the wish has no end."""

    hash = FixedCharField(64, primary_key=True)                 # see portal.mandataires
    at = UtcDateTimeField(default=now)


class Event(Table):
    """A trace for the CNIL: ids, actor, act; no text, no personal data. Append-only, sealed into a chain, kept a year.

    Inserted with its own HMAC; the sealer fills `seq`, `prev` and `hash` once. Triggers refuse any other change.
    """

    id = BigAutoField()
    at = UtcDateTimeField(default=now)
    act = CharField(20)
    role = CharField(10)
    actor = IntegerField(null=True)                             # id of the agent or voter
    commune = FixedCharField(5, null=True)                      # whose town hall the agent acts for, that day
    subject = CharField(20)                                     # the table
    subjects = TextField(default="")                            # ids separated by spaces
    mac = FixedCharField(64)
    seq = BigIntegerField(null=True, unique=True)
    prev = FixedCharField(64, null=True, unique=True)
    hash = FixedCharField(64, null=True)


# The sealer and /sante look for what is not sealed yet, among millions that are.
Event.add_index(Event.index(Event.id, where=Event.seq.is_null(), name="event_unsealed"))
# Who looked at a file: events about one row, and what a town hall did, page by page (see portal.rights). Exports of
# thousands of ids are longer than an index entry may be.
Event.add_index(Event.index(Event.subjects, where=SQL("length(subjects) <= 20"), name="event_single"))
Event.add_index(Event.index(Event.commune, Event.at, where=Event.commune.is_null(False), name="event_town_hall"))


class JournalMonth(Table):
    """What stands for the events of a month once they are erased: the chain is verified from the last one on.

    Its HMAC covers the month before, so that none can be forged, left out or put back. Triggers let only the events up
    to `last_seq` go, and refuse every change of these rows.
    """

    month = FixedCharField(7, primary_key=True)                 # YYYY-MM, UTC
    first_seq = BigIntegerField()
    last_seq = BigIntegerField(unique=True)
    last_hash = FixedCharField(64)
    mac = FixedCharField(64)
    sealed_at = UtcDateTimeField(default=now)

    class Meta:
        constraints = [Check("last_seq >= first_seq")]


class Job(Table):
    """Work of the clock: done once however many workers there are, taken up again where a killed one left it.

    One row a kind of work and subject. `due_at` is None once there is nothing more to do.
    """

    id = AutoField()
    name = CharField(20)                                        # of portal.clock.WORKS
    subject = CharField(40, default="")                         # an id, where the work is about one row
    due_at = UtcDateTimeField(null=True)
    lease_until = UtcDateTimeField(null=True)
    cursor = CharField(80, default="")                          # where to go on
    done = IntegerField(default=0)                              # rows, since it began
    total = IntegerField(null=True)                             # rows, where it is known
    began_at = UtcDateTimeField(null=True)
    ended_at = UtcDateTimeField(null=True)
    error = CharField(200, null=True)                           # the kind of the last failure, no row's content

    class Meta:
        indexes = ((("name", "subject"), True), (("due_at",), False))


TABLES = (Commune, CommuneName, Scrutin, Tour, TourDay, Rules, Voter, Agent, Passkey, WebSession, SavedSearch,
          SingleUse, Hit, Procuration, TourVise, Personne, Reference, Passage, Couverture, Mot, RollFile, RollPart,
          Roll, Elector, MairieLink, AgentFile, AgentPart, AgentLine, Mail, OptOut, Event, JournalMonth, Job)
