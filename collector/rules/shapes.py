"""The shapes of rules, by the name that the collector's rooms know; they stand in protocol/rules/shapes.py."""

from protocol.rules.shapes import MOST_PEOPLE as MOST_PEOPLE
from protocol.rules.shapes import MOST_POLICIES as MOST_POLICIES
from protocol.rules.shapes import MOST_STEPS as MOST_STEPS
from protocol.rules.shapes import MOST_TARGETS as MOST_TARGETS
from protocol.rules.shapes import Address as Address
from protocol.rules.shapes import Contact as Contact
from protocol.rules.shapes import Group as Group
from protocol.rules.shapes import Hours as Hours
from protocol.rules.shapes import Id as Id
from protocol.rules.shapes import Level as Level
from protocol.rules.shapes import Name as Name
from protocol.rules.shapes import Policy as Policy
from protocol.rules.shapes import PolicyStep as PolicyStep
from protocol.rules.shapes import Procedure as Procedure
from protocol.rules.shapes import ProcedureStep as ProcedureStep
from protocol.rules.shapes import Rota as Rota
from protocol.rules.shapes import Rules as Rules
from protocol.rules.shapes import SiteContact as SiteContact
from protocol.rules.shapes import StepKind as StepKind
from protocol.rules.shapes import Target as Target
from protocol.rules.shapes import Turn as Turn
from protocol.rules.shapes import Until as Until
from protocol.rules.shapes import When as When
