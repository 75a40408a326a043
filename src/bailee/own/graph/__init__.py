"""The graph of rights: works, what they were made from, under which grants, and whose their earnings are.

facts       what a graph says            building    out of a ledger's events      linked     as JSON-LD, and back
picture     for people                   elsewhere   what another ledger can take of it
"""

from bailee.own.graph.building import Constants, Place, graph_of
from bailee.own.graph.facts import GrantNode, Graph, WorkNode, differences
from bailee.own.graph.linked import from_json, to_json

__all__ = ["Constants", "GrantNode", "Graph", "Place", "WorkNode", "differences", "from_json", "graph_of", "to_json"]
