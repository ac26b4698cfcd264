"""Instances a CPU-second of SpiffWorkflow: three user tasks, its state written to SQLite after each step.

process_spiff.py MODEL.bpmn PROCESS [SECONDS]
"""

import json
import os
import sqlite3
import sys
import tempfile
import time

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.util.task import TaskState


def main() -> None:
    model, process = sys.argv[1], sys.argv[2]
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 10.0
    parser = BpmnParser()
    parser.add_bpmn_file(model)
    spec = parser.get_spec(process)
    serializer = BpmnWorkflowSerializer()
    folder = tempfile.mkdtemp()
    db = sqlite3.connect(os.path.join(folder, "state.db"), isolation_level=None)
    # The same promise: what is answered is on the disk.
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE instance (id INTEGER PRIMARY KEY, state TEXT NOT NULL)")

    def keep(number: int, workflow: BpmnWorkflow) -> None:
        text = json.dumps(serializer.to_dict(workflow))
        db.execute("INSERT OR REPLACE INTO instance (id, state) VALUES (?, ?)", (number, text))

    def fetch(number: int) -> BpmnWorkflow:
        (text,) = db.execute("SELECT state FROM instance WHERE id = ?", (number,)).fetchone()
        return serializer.from_dict(json.loads(text))

    done, begun, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - begun < seconds:
        workflow = BpmnWorkflow(spec)
        workflow.do_engine_steps()
        keep(done, workflow)
        while not workflow.is_completed():
            workflow = fetch(done)
            ready = workflow.get_tasks(state=TaskState.READY, manual=True)
            ready[0].run()
            workflow.do_engine_steps()
            keep(done, workflow)
        done += 1
    used, wall = time.process_time() - used, time.perf_counter() - begun
    print(json.dumps({"peer": "SpiffWorkflow 3.2.0, SQLite", "instances": done, "per_cpu_second": done / used, "per_second": done / wall}))


if __name__ == "__main__":
    main()
