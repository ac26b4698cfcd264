"""The 20-rule policy of decision_bench in openfisca-core, vectorised: the peer of `make bench-decision`.

Every rule is a variable over all persons, as OpenFisca has it; the policy is the 20 of them. Prints subjects a second of
processor time.
"""

import datetime
import sys
import time

import numpy
from openfisca_core import entities, periods, simulation_builder, taxbenefitsystems, variables

PERIOD = "2022-01"
COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000

person = entities.Entity("person", "persons", "A person", "")
household = entities.GroupEntity("household", "households", "A household", "", roles=[{"key": "member"}])


def variable(name, kind, formula=None, **more):
    """A variable of persons, by month; with a formula it is computed."""
    body = {"value_type": kind, "entity": person, "definition_period": periods.DateUnit.MONTH, "label": name, **more}
    if formula:
        body["formula"] = formula
    return type(name, (variables.Variable,), body)


def rule(at):
    low, ceiling = at * 4, 1000 + at * 150 + 0.5
    since = numpy.datetime64(datetime.date(2005 + at % 15, 1, 1))
    regions = [at % 5, (at + 1) % 5]

    def formula(persons, period):
        age = persons("age", period)
        holds = (age >= low) & (age < low + 30) & (persons("income", period) < ceiling) & (persons("since", period) >= since)
        if at % 3:
            region = persons("region", period)
            holds &= (region == regions[0]) | (region == regions[1])
        if at % 4 == 0:
            holds &= persons("insured", period)
        if at % 2 == 0:
            holds &= persons("members", period) > at % 6
        return holds

    return variable(f"grant_{at}", bool, formula)


system = taxbenefitsystems.TaxBenefitSystem([person, household])
inputs = {"age": int, "income": float, "region": int, "insured": bool, "members": int, "since": datetime.date}
for name, kind in inputs.items():
    system.add_variable(variable(name, kind))
for at in range(20):
    system.add_variable(rule(at))

random = numpy.random.default_rng(7)
simulation = simulation_builder.SimulationBuilder().build_default_simulation(system, COUNT)
simulation.set_input("age", PERIOD, random.integers(0, 100, COUNT))
simulation.set_input("income", PERIOD, random.integers(0, 600_000, COUNT) / 100)
simulation.set_input("region", PERIOD, random.integers(0, 6, COUNT))
simulation.set_input("insured", PERIOD, random.integers(0, 2, COUNT).astype(bool))
simulation.set_input("members", PERIOD, random.integers(1, 8, COUNT))
simulation.set_input("since", PERIOD, (random.integers(10_000, 20_000, COUNT)).astype("datetime64[D]"))

start = time.process_time()
fired = sum(int(simulation.calculate(f"grant_{at}", PERIOD).sum()) for at in range(20))
spent = time.process_time() - start
print(f"openfisca-core, 20 rules vectorised: {COUNT} in {spent:.3f} s of processor time, {COUNT / spent:,.0f}/s; {fired} fired")
