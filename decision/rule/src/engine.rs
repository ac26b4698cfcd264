//! The engine: models in force, evaluations kept and recomputed.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use banyan_base::{Ctx, Finding, Problem};
use banyan_package::{Package, model::Source};
use banyan_store::Tx;
use lru::LruCache;
use serde_json::{Map, Value as Json, json};

use crate::cases;
use crate::check;
use crate::error::Error;
use crate::explain::{Outcome, Reasons, decide};
use crate::model::{Model, hash_of, load};
use crate::store::{self, Evaluation, Stored};
use crate::xml;

/// Models kept ready, by their hashes.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(199);

/// The engine. Shared by reference counting.
pub struct Rules {
    ready: Mutex<LruCache<String, Arc<Model>>>,
}

/// A decision with what it rests on.
#[derive(Clone, Debug)]
pub struct Decided {
    pub outcome: Outcome,
    pub model: String,
    pub version: i64,
    pub hash: String,
    pub decision: String,
    /// Id under which the evaluation was kept, where it was.
    pub evaluation: Option<String>,
}

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question<'a> {
    /// `package.model`.
    pub model: &'a str,
    /// Empty: the only one on which no other depends.
    pub decision: &'a str,
    pub input: Map<String, Json>,
    /// The day whose version counts; none: the day of the act.
    pub day: Option<&'a str>,
    /// Whether the evaluation is kept even if the model does not say so.
    pub record: bool,
}

impl Rules {
    pub fn new() -> Arc<Rules> {
        Arc::new(Rules {
            ready: Mutex::new(LruCache::new(KEPT)),
        })
    }

    /// The port for other engines: decides by `package.model#decision`; whoever may ask was looked at by them. The evaluation is
    /// kept where the model says so.
    ///
    /// # Errors
    /// Where there is no such decision, the input does not fit it, or it can't be evaluated.
    pub fn decide(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        of: &str,
        input: &Map<String, Json>,
    ) -> Result<Json, Problem> {
        let (model, decision) = of.split_once('#').unwrap_or((of, ""));
        let question = Question {
            model,
            decision,
            input: input.clone(),
            ..Question::default()
        };
        Ok(self.answer(cx, tx, &question)?.outcome.result)
    }

    /// Decides, and keeps the evaluation where it is asked to.
    ///
    /// # Errors
    /// As [`Rules::decide`].
    pub fn answer(&self, cx: &Ctx, tx: &mut Tx<'_>, question: &Question<'_>) -> Result<Decided, Problem> {
        let (model, version) = self.in_force(cx, tx, question)?;
        self.answer_by(cx, tx, question, &model, version)
    }

    /// The model in force, with its version.
    ///
    /// # Errors
    /// Where there is none.
    pub fn in_force(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        question: &Question<'_>,
    ) -> Result<(Arc<Model>, i64), Problem> {
        let Some((package, name)) = question.model.split_once('.') else {
            return Err(Error::NoModel(question.model.into()).into());
        };
        let today = cx.today().to_string();
        let day = question.day.unwrap_or(&today);
        let Some((version, hash)) = store::in_force(tx, package, name, day)? else {
            let any = store::versions(tx, package, name)?;
            if any.iter().all(|one| one.retired_at.is_some()) {
                return Err(Error::NoModel(question.model.into()).into());
            }
            return Err(Error::NotInForce {
                model: question.model.into(),
                day: day.into(),
            }
            .into());
        };
        Ok((self.ready(tx, package, name, version, &hash)?, version))
    }

    fn answer_by(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        question: &Question<'_>,
        model: &Arc<Model>,
        version: i64,
    ) -> Result<Decided, Problem> {
        let of = question.model;
        let asked = if question.decision.is_empty() {
            model.main().ok_or_else(|| Error::WhichDecision(of.into()))?
        } else {
            model.find(question.decision).ok_or_else(|| Error::NoDecision {
                model: of.into(),
                decision: question.decision.into(),
            })?
        };
        let decision = asked.name.clone();
        let outcome = decide(cx, model, &decision, &question.input, Reasons::Given).map_err(Error::from)?;
        if !outcome.wrong.is_empty() {
            return Err(Error::Input(outcome.wrong).into());
        }
        let mut decided = Decided {
            outcome,
            model: of.to_owned(),
            version,
            hash: model.hash.clone(),
            decision,
            evaluation: None,
        };
        let says = model.notes.first().is_some_and(|notes| notes.record);
        if (question.record || says) && !tx.is_read_only() {
            decided.evaluation = Some(self.keep(cx, tx, question, &decided)?);
        }
        Ok(decided)
    }

    fn keep(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        question: &Question<'_>,
        decided: &Decided,
    ) -> Result<String, Problem> {
        let (package, name) = decided.model.split_once('.').unwrap_or_default();
        let id = cx.id().into_string();
        let evaluation = Evaluation {
            id: id.clone(),
            package: package.into(),
            name: name.into(),
            version: decided.version,
            hash: decided.hash.clone(),
            decision: decided.decision.clone(),
            input: Json::Object(question.input.clone()),
            result: decided.outcome.result.clone(),
            explanation: json!(decided.outcome.reasons),
            clock: cx.now_text(),
            evaluated_at: cx.now_text(),
            evaluated_by: cx.actor.id.clone(),
        };
        store::keep(tx, &evaluation)?;
        Ok(id)
    }

    /// A model that is sent, ready; the same one sent again is not read again.
    ///
    /// # Errors
    /// Where it is refused.
    pub fn sent(&self, xml: &str, imports: &[String]) -> Result<Arc<Model>, Problem> {
        let texts: Vec<&str> = std::iter::once(xml)
            .chain(imports.iter().map(String::as_str))
            .collect();
        let hash = hash_of(&texts);
        if let Some(model) = self.known(&hash) {
            return Ok(model);
        }
        let model = Arc::new(load(xml, imports).map_err(Error::Refused)?);
        self.hold(&model);
        Ok(model)
    }

    fn known(&self, hash: &str) -> Option<Arc<Model>> {
        self.ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(hash)
            .cloned()
    }

    fn hold(&self, model: &Arc<Model>) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.put(model.hash.clone(), Arc::clone(model));
    }

    fn ready(
        &self,
        tx: &mut Tx<'_>,
        package: &str,
        name: &str,
        version: i64,
        hash: &str,
    ) -> Result<Arc<Model>, Problem> {
        if let Some(model) = self.known(hash) {
            return Ok(model);
        }
        let Some(stored) = store::version(tx, package, name, version)? else {
            return Err(Error::NoModel(format!("{package}.{name}")).into());
        };
        let model = Arc::new(load(&stored.xml, &stored.imports).map_err(Error::Refused)?);
        self.hold(&model);
        Ok(model)
    }

    /// A stored version, ready.
    ///
    /// # Errors
    /// Where it can't be read any more.
    pub fn of_version(&self, tx: &mut Tx<'_>, stored: &Stored) -> Result<Arc<Model>, Problem> {
        self.ready(tx, &stored.package, &stored.name, stored.version, &stored.hash)
    }

    /// Recomputes a kept evaluation by the version and the clock it was made with.
    ///
    /// # Errors
    /// Where there is none, or its version can't be evaluated.
    pub fn replay(&self, cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<Json, Problem> {
        let kept = store::evaluation(tx, id)?.ok_or_else(|| Error::NoEvaluation(id.into()))?;
        let model = self.ready(tx, &kept.package, &kept.name, kept.version, &kept.hash)?;
        replayed(cx, &model, &kept)
    }

    /// What is wrong with the models and cases of a package.
    pub fn check(cx: &Ctx, package: &Package) -> Vec<Finding> {
        let mut findings = Vec::new();
        for source in &package.decisions {
            let imports = imports(package, source);
            let cases = cases_of(package, &source.name);
            let found = check::check(cx, &source.text, &imports, cases.map(|cases| cases.text.as_str()));
            for one in found {
                let in_cases = one.in_cases;
                let file = if in_cases {
                    cases.map_or(&source.path, |cases| &cases.path)
                } else {
                    &source.path
                };
                findings.push(one.finding(file));
            }
        }
        findings
    }

    /// Takes the models of an applied package over: a version more where a model is another.
    ///
    /// # Errors
    /// Where the database refuses.
    pub fn installed(&self, cx: &Ctx, tx: &mut Tx<'_>, package: &Package) -> Result<(), Problem> {
        let mut there: BTreeSet<String> = store::names(tx, &package.id)?.into_iter().collect();
        for source in &package.decisions {
            there.remove(&source.name);
            let imports = imports(package, source);
            let model = load(&source.text, &imports).map_err(Error::Refused)?;
            let cases = cases_of(package, &source.name).map_or("", |cases| &cases.text);
            let known = store::versions(tx, &package.id, &source.name)?;
            store::retire(tx, &package.id, &source.name, None)?;
            let newest = known.first();
            if let Some(newest) = newest.filter(|newest| newest.hash == model.hash) {
                store::keep_cases(tx, newest, cases)?;
                continue;
            }
            let notes = model.notes.first();
            let from = notes.and_then(|notes| notes.effective_from.clone());
            let name = notes.map_or("", |notes| notes.title.as_deref().unwrap_or(&notes.name));
            let stored = Stored {
                package: package.id.clone(),
                name: source.name.clone(),
                version: newest.map_or(1, |newest| newest.version + 1),
                hash: model.hash.clone(),
                title: name.to_owned(),
                xml: source.text.clone(),
                imports,
                cases: cases.to_owned(),
                decisions: model.decisions(),
                effective_from: from.unwrap_or_else(|| cx.today().to_string()),
                effective_until: notes.and_then(|notes| notes.effective_until.clone()),
                published_at: cx.now_text(),
                published_by: cx.actor.id.clone(),
                retired_at: None,
            };
            store::publish(tx, &stored)?;
        }
        for name in there {
            store::retire(tx, &package.id, &name, Some(&cx.now_text()))?;
        }
        Ok(())
    }

    /// The package goes; its versions stay for the evaluations that were made by them.
    ///
    /// # Errors
    /// Where the database refuses.
    pub fn removed(&self, cx: &Ctx, tx: &mut Tx<'_>, package: &str) -> Result<(), Problem> {
        for name in store::names(tx, package)? {
            store::retire(tx, package, &name, Some(&cx.now_text()))?;
        }
        Ok(())
    }
}

/// A kept evaluation as JSON: what `evaluation.view` gives, and what can be replayed from a file.
pub fn evaluation_json(kept: &Evaluation) -> Json {
    json!({
        "id": kept.id, "model": format!("{}.{}", kept.package, kept.name), "model_version": kept.version,
        "model_hash": kept.hash, "decision": kept.decision, "input": kept.input, "result": kept.result,
        "explanation": { "decisions": kept.explanation }, "clock": kept.clock, "evaluated_at": kept.evaluated_at,
        "evaluated_by": kept.evaluated_by,
    })
}

impl Evaluation {
    /// Reads what [`evaluation_json`] wrote.
    pub fn of_json(json: &Json) -> Option<Evaluation> {
        let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
        let model = text("model")?;
        let (package, name) = model.split_once('.')?;
        Some(Evaluation {
            id: text("id")?,
            package: package.to_owned(),
            name: name.to_owned(),
            version: json.get("model_version")?.as_i64()?,
            hash: text("model_hash")?,
            decision: text("decision")?,
            input: json.get("input")?.clone(),
            result: json.get("result")?.clone(),
            explanation: json.get("explanation")?.get("decisions")?.clone(),
            clock: text("clock")?,
            evaluated_at: text("evaluated_at")?,
            evaluated_by: text("evaluated_by")?,
        })
    }
}

/// Recomputes: what was kept, what comes out now, and whether they are the same.
///
/// # Errors
/// Where the model can't be evaluated.
pub fn replayed(cx: &Ctx, model: &Arc<Model>, kept: &Evaluation) -> Result<Json, Problem> {
    let mut then = cx.clone();
    then.now = kept.clock.parse().map_err(Problem::internal)?;
    let input = kept.input.as_object().cloned().unwrap_or_default();
    let outcome = decide(&then, model, &kept.decision, &input, Reasons::Given).map_err(Error::from)?;
    let same_hash = model.hash == kept.hash;
    let explained = json!(outcome.reasons);
    Ok(json!({
        "evaluation": kept.id, "model": format!("{}.{}", kept.package, kept.name), "model_version": kept.version,
        "model_hash": model.hash, "decision": kept.decision,
        "same": same_hash && cases::same(&kept.result, &outcome.result) && kept.explanation == explained,
        "same_model": same_hash, "same_result": cases::same(&kept.result, &outcome.result),
        "same_explanation": kept.explanation == explained,
        "kept": kept.result, "result": outcome.result, "explanation": { "decisions": explained },
    }))
}

fn cases_of<'a>(package: &'a Package, name: &str) -> Option<&'a Source> {
    package.decision_cases.iter().find(|cases| cases.name == name)
}

/// The other models of the package that a model imports, and those that these import.
fn imports(package: &Package, source: &Source) -> Vec<String> {
    let (mut found, mut open, mut seen) = (Vec::new(), vec![source.text.clone()], BTreeSet::new());
    seen.insert(source.name.clone());
    while let Some(text) = open.pop() {
        let wanted = xml::read(&text).map(|notes| notes.imports).unwrap_or_default();
        for other in &package.decisions {
            let namespace = xml::read(&other.text)
                .map(|notes| notes.namespace)
                .unwrap_or_default();
            if wanted.iter().any(|(space, ..)| *space == namespace) && seen.insert(other.name.clone()) {
                found.push(other.text.clone());
                open.push(other.text.clone());
            }
        }
    }
    found
}
