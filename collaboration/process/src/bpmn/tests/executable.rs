//! The executable models: all of them are read, and what they hold is there.

use super::{files, name, shared};
use crate::bpmn::model::{
    Behavior, EventDefinition, GatewayKind, NodeKind, Position, Process, Repeat, TimerKind, VariableKind,
    Work,
};
use crate::bpmn::read;

#[test]
fn executable_models_are_read() {
    let Some(folder) = shared("betsy/executable") else {
        return;
    };
    let models = files(&folder, "bpmn");
    assert_eq!(models.len(), 92);
    for path in models {
        let (definitions, flaws) = read(&std::fs::read_to_string(&path).unwrap());
        assert_eq!(flaws, [], "{}", name(&path));
        let definitions = definitions.unwrap();
        assert!(
            definitions.processes.iter().any(|process| process.executable),
            "{}",
            name(&path)
        );
        for process in &definitions.processes {
            whole(process, &name(&path));
        }
    }
}

/// Every index leads somewhere, and back.
fn whole(process: &Process, file: &str) {
    for (at, flow) in process.flows.iter().enumerate() {
        assert!(
            process.nodes[flow.source].outgoing.contains(&at),
            "{file}: {}",
            flow.id
        );
        assert!(
            process.nodes[flow.target].incoming.contains(&at),
            "{file}: {}",
            flow.id
        );
        assert_eq!(
            process.nodes[flow.source].parent, process.nodes[flow.target].parent,
            "{file}: {}",
            flow.id
        );
    }
    for (at, node) in process.nodes.iter().enumerate() {
        assert_eq!(process.find(&node.id), Some(at), "{file}: {}", node.id);
        match &node.kind {
            NodeKind::Event(event) => {
                if let Position::Boundary { attached_to, .. } = event.position {
                    let NodeKind::Activity(activity) = &process.nodes[attached_to].kind else {
                        panic!("{file}")
                    };
                    assert!(activity.boundary.contains(&at), "{file}: {}", node.id);
                    if let [EventDefinition::Compensation { activity, .. }] = event.definitions.as_slice() {
                        let NodeKind::Activity(undoing) = &process.nodes[activity.unwrap()].kind else {
                            panic!("{file}")
                        };
                        assert!(undoing.for_compensation, "{file}: {}", node.id);
                    }
                }
            }
            NodeKind::Activity(activity) => {
                if let Work::Script { script, .. } = &activity.work {
                    assert!(!script.is_empty(), "{file}: {}", node.id);
                }
            }
            NodeKind::Gateway(_) => {}
        }
    }
}

fn process(file: &str, id: &str) -> Option<Process> {
    let text = std::fs::read_to_string(shared("betsy/executable")?.join(file)).unwrap();
    let definitions = read(&text).0.unwrap();
    Some(
        definitions
            .processes
            .into_iter()
            .find(|process| process.id == id)
            .unwrap(),
    )
}

#[test]
fn what_a_model_says_is_taken_over() {
    let Some(tasks) = process("CallActivity_GlobalTask.bpmn", "globalTask") else {
        return;
    };
    assert!(!tasks.executable && tasks.nodes.len() == 1);

    let multi = process("MultiInstance_OneBehavior.bpmn", "MultiInstance_OneBehavior").unwrap();
    let NodeKind::Activity(task) = &multi.nodes[multi.find("multiInstanceTask").unwrap()].kind else {
        panic!()
    };
    let Some(Repeat::Multi(repeat)) = &task.repeat else {
        panic!()
    };
    assert!(
        repeat.sequential && repeat.behavior == Behavior::One && repeat.cardinality.as_deref() == Some("3")
    );
    assert_eq!(
        repeat.event,
        Some(EventDefinition::Signal {
            name: "Signal".into()
        })
    );

    let timer = process(
        "Timer_BoundaryEvent_SubProcess_TimeCycle.bpmn",
        "Timer_BoundaryEvent_SubProcess_TimeCycle",
    )
    .unwrap();
    let NodeKind::Event(event) = &timer.nodes[timer.find("BoundaryEvent_1").unwrap()].kind else {
        panic!()
    };
    let [EventDefinition::Timer(cycle)] = event.definitions.as_slice() else {
        panic!()
    };
    assert!(cycle.kind == TimerKind::Cycle && cycle.value == "R4/PT10S");
    let sub = timer.find("SubProcess").unwrap();
    assert_eq!(
        event.position,
        Position::Boundary {
            attached_to: sub,
            interrupting: false
        }
    );
    assert_eq!(timer.children(Some(sub)).count(), 4);

    let message = process("Message_StartEvent.bpmn", "CalledProcess").unwrap();
    let NodeKind::Event(event) = &message.nodes[message.find("StartEvent2").unwrap()].kind else {
        panic!()
    };
    let [EventDefinition::Message(found)] = event.definitions.as_slice() else {
        panic!()
    };
    assert_eq!(found.name, "message");

    let data = process("DataObject_ReadWrite_String.bpmn", "DataObject_ReadWrite_String").unwrap();
    assert!(
        data.variables.len() == 1
            && data.variables[0].name == "data"
            && data.variables[0].kind == VariableKind::Text
    );

    let complex = process(
        "WCP06_MultiChoice_ComplexGateway.bpmn",
        "WCP06_MultiChoice_ComplexGateway",
    )
    .unwrap();
    let NodeKind::Gateway(gateway) = &complex.nodes[complex.find("ComplexGateway_1").unwrap()].kind else {
        panic!()
    };
    assert_eq!(gateway.kind, GatewayKind::Complex { activation: None });
    assert_eq!(complex.flows[gateway.default.unwrap()].id, "DefaultFlow");

    let referred = process(
        "EventDefinitionRef_Error_StartEvent_EventSubProcess_Interrupting.bpmn",
        "EventDefinitionRef_Error_StartEvent_EventSubProcess_Interrupting",
    )
    .unwrap();
    let coded = referred.nodes.iter().filter(|node| match &node.kind {
        NodeKind::Event(event) => matches!(
            event.definitions.as_slice(),
            [EventDefinition::Error { code: Some(_) }]
        ),
        _ => false,
    });
    assert_eq!(coded.count(), 2);
}
