//! What can be asked for by name, and what each of it may be given.

use dsntk_feel::Name;
use dsntk_model::{Definitions, DmnElement, DrgElement, NamedElement, RequiredVariable};

use super::{Invocable, InvocableKind};
use crate::kind::{Base, Kind, Kinds};
use crate::xml::Notes;

pub(super) fn invocables(models: &[Definitions], notes: &[Notes]) -> Vec<Invocable> {
    let kinds = Kinds { models };
    let mut found = Vec::new();
    for (at, model) in models.iter().enumerate() {
        let mut number = 0;
        for element in model.drg_elements() {
            match element {
                DrgElement::Decision(decision) => {
                    found.push(Invocable {
                        name: decision.name().to_owned(),
                        kind: InvocableKind::Decision,
                        inputs: inputs_of(models, &kinds, model, decision, 0),
                        number,
                        requires: required_decisions(model, decision),
                        required: required_names(models, model, decision),
                        model: at,
                        id: decision.id().clone(),
                    });
                    number += 1;
                }
                DrgElement::BusinessKnowledgeModel(knowledge) => {
                    let parameters = knowledge
                        .encapsulated_logic()
                        .iter()
                        .flat_map(|logic| logic.formal_parameters());
                    let inputs = parameters.map(|parameter| {
                        let kind = kinds.find(model.namespace(), parameter.type_ref());
                        (parameter.feel_name().clone(), kind.unwrap_or(Kind::ANY))
                    });
                    found.push(plain(
                        knowledge.name(),
                        InvocableKind::Knowledge,
                        inputs.collect(),
                        at,
                        knowledge.id(),
                    ));
                }
                DrgElement::DecisionService(service) => {
                    let mut inputs = Vec::new();
                    let given = service.input_decisions().iter().chain(service.input_data());
                    for href in given {
                        let space = href.namespace().map_or(model.namespace(), String::as_str);
                        inputs.extend(variable(models, &kinds, space, href.id()));
                    }
                    found.push(plain(
                        service.name(),
                        InvocableKind::Service,
                        inputs,
                        at,
                        service.id(),
                    ));
                }
                _ => {}
            }
        }
    }
    debug_assert!(notes.len() == models.len());
    found
}

fn plain(name: &str, kind: InvocableKind, inputs: Vec<(Name, Kind)>, model: usize, id: &str) -> Invocable {
    Invocable {
        name: name.to_owned(),
        kind,
        inputs,
        number: 0,
        requires: Vec::new(),
        required: Vec::new(),
        model,
        id: id.to_owned(),
    }
}

fn model_of<'a>(models: &'a [Definitions], namespace: &str) -> Option<&'a Definitions> {
    models.iter().find(|model| model.namespace() == namespace)
}

fn variable(models: &[Definitions], kinds: &Kinds<'_>, namespace: &str, id: &str) -> Option<(Name, Kind)> {
    let model = model_of(models, namespace)?;
    let variable = match model.drg_elements().find(|element| drg_id(element) == Some(id))? {
        DrgElement::Decision(decision) => decision.variable(),
        DrgElement::InputData(input) => input.variable(),
        _ => return None,
    };
    let kind = kinds.find(namespace, variable.type_ref()).unwrap_or(Kind::ANY);
    Some((variable.feel_name().clone(), kind))
}

fn drg_id(element: &DrgElement) -> Option<&str> {
    match element {
        DrgElement::Decision(one) => Some(one.id()),
        DrgElement::InputData(one) => Some(one.id()),
        DrgElement::DecisionService(one) => Some(one.id()),
        DrgElement::BusinessKnowledgeModel(one) => Some(one.id()),
        DrgElement::KnowledgeSource(_) => None,
    }
}

fn required_decisions(model: &Definitions, decision: &dsntk_model::Decision) -> Vec<(String, String)> {
    let requirements = decision.information_requirements().iter();
    requirements
        .filter_map(|requirement| requirement.required_decision().as_ref())
        .map(|href| {
            let space = href.namespace().map_or(model.namespace(), String::as_str);
            (space.to_owned(), href.id().to_owned())
        })
        .collect()
}

fn required_names(
    models: &[Definitions],
    model: &Definitions,
    decision: &dsntk_model::Decision,
) -> Vec<String> {
    let kinds = Kinds { models };
    let mut names = Vec::new();
    for requirement in decision.information_requirements() {
        let hrefs = [requirement.required_decision(), requirement.required_input()];
        for href in hrefs.into_iter().flatten() {
            let space = href.namespace().map_or(model.namespace(), String::as_str);
            let known = variable(models, &kinds, space, href.id());
            names.push(known.map_or_else(|| href.id().to_owned(), |(name, _)| name.to_string()));
        }
    }
    names
}

/// Everything that a decision may be given: its inputs and those of what it requires. Those of an imported model stand in a
/// context of the import's name.
fn inputs_of(
    models: &[Definitions],
    kinds: &Kinds<'_>,
    model: &Definitions,
    decision: &dsntk_model::Decision,
    depth: usize,
) -> Vec<(Name, Kind)> {
    let mut inputs: Vec<(Name, Kind)> = Vec::new();
    let mut add = |name: Name, kind: Kind| match inputs.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => merge(known, kind),
        None => inputs.push((name, kind)),
    };
    if depth > 200 {
        return inputs;
    }
    for requirement in decision.information_requirements() {
        let hrefs = [requirement.required_input(), requirement.required_decision()];
        for (at, href) in hrefs
            .into_iter()
            .enumerate()
            .filter_map(|(at, href)| Some((at, href.as_ref()?)))
        {
            let space = href.namespace().map_or(model.namespace(), String::as_str);
            let import = model.imports().iter().find(|import| import.namespace() == space);
            let found = if at == 0 {
                variable(models, kinds, space, href.id()).into_iter().collect()
            } else {
                let target = model_of(models, space);
                let decision = target.and_then(|model| model.get_decision(href.id()));
                match (target, decision) {
                    (Some(target), Some(decision)) => inputs_of(models, kinds, target, decision, depth + 1),
                    _ => Vec::new(),
                }
            };
            match import {
                Some(import) if space != model.namespace() => {
                    add(import.feel_name().clone(), Kind::of(Base::Context(found)));
                }
                _ => found.into_iter().for_each(|(name, kind)| add(name, kind)),
            }
        }
    }
    inputs
}

fn merge(known: &mut Kind, more: Kind) {
    if let (Base::Context(entries), Base::Context(more)) = (&mut known.base, more.base) {
        for (name, kind) in more {
            if !entries.iter().any(|(known, _)| *known == name) {
                entries.push((name, kind));
            }
        }
    }
}
