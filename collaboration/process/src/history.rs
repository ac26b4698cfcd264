//! What happened in an instance, and how it stood at a moment.

use std::collections::BTreeMap;

use banyan_base::Problem;
use banyan_store::Tx;
use serde_json::{Map, Value as Json, json};

use crate::engine::Entry;
use crate::{Engine, Error};

/// One line, as it is shown.
pub(crate) struct Line {
    pub seq: i64,
    pub at: String,
    pub actor: String,
    pub element: Option<String>,
    pub entry: Entry,
}

/// How many lines of one step are told apart in `seq`.
const STEP: i64 = 100_000;

/// Lines after `after`, oldest first; about so many: the lines of one step are not torn apart.
pub(crate) fn lines(
    engine: &Engine,
    tx: &mut Tx<'_>,
    instance: &str,
    process: &str,
    after: i64,
    most: u32,
) -> Result<Vec<Line>, Problem> {
    let rows = tx.query(
        "SELECT revision, version, at, actor, entries FROM process_history WHERE instance = ?1 AND revision > ?2
         ORDER BY revision LIMIT ?3",
        &[instance.into(), (after / STEP).into(), most.into()],
    )?;
    let mut all = Vec::new();
    for row in rows {
        let (revision, version): (i64, i64) = (row.get(0)?, row.get(1)?);
        let (at, actor, text): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let entries: Vec<Entry> = serde_json::from_str(&text).map_err(|error| Error::Inconsistent {
            table: "process_history",
            row: format!("{instance} {revision}"),
            cause: error.to_string(),
        })?;
        let definition = engine.definition(tx, process, version)?;
        for (place, entry) in entries.into_iter().enumerate() {
            let element = match (entry.node, entry.kind.as_str(), entry.data.as_u64()) {
                (Some(node), _, _) => Some(definition.element(node).to_owned()),
                (None, "flow", Some(flow)) => usize::try_from(flow)
                    .ok()
                    .and_then(|flow| definition.process().flows.get(flow))
                    .map(|flow| flow.id.clone()),
                _ => None,
            };
            all.push(Line {
                seq: revision * STEP + i64::try_from(place).unwrap_or(STEP - 1),
                at: at.clone(),
                actor: actor.clone(),
                element,
                entry,
            });
        }
    }
    Ok(all)
}

impl Line {
    /// `variables`: whether their values are shown, or their names only.
    pub fn shown(&self, variables: bool) -> Json {
        let data = match (&self.entry.data, self.entry.kind.as_str()) {
            (Json::Object(values), "variables") if !variables => {
                json!({ "names": values.keys().collect::<Vec<_>>() })
            }
            (_, "flow") => Json::Null,
            (data, _) => data.clone(),
        };
        json!({
            "seq": self.seq, "at": self.at, "element": self.element, "kind": self.entry.kind, "actor": self.actor,
            "token": self.entry.token, "data": data,
        })
    }
}

/// Where tokens stood and what variables were at a moment.
pub(crate) struct AsOf {
    pub tokens: BTreeMap<u32, (String, String)>,
    pub variables: Map<String, Json>,
    pub state: String,
}

/// The state at a moment, from the history.
pub(crate) fn as_of(
    engine: &Engine,
    tx: &mut Tx<'_>,
    instance: &str,
    process: &str,
    moment: &str,
) -> Result<AsOf, Problem> {
    let mut state = AsOf {
        tokens: BTreeMap::new(),
        variables: Map::new(),
        state: "running".into(),
    };
    let mut after = 0;
    loop {
        let page = lines(engine, tx, instance, process, after, 500)?;
        let Some(last) = page.last() else { return Ok(state) };
        after = (last.seq / STEP) * STEP;
        for line in page {
            if line.at.as_str() > moment {
                return Ok(state);
            }
            let element = line.element.clone().unwrap_or_default();
            match (line.entry.kind.as_str(), line.entry.token) {
                ("entered", Some(token)) => {
                    state.tokens.insert(token, (element, line.at.clone()));
                }
                ("completed" | "cancelled" | "undone", Some(token)) => {
                    state.tokens.remove(&token);
                }
                ("variables", _) => {
                    if let Json::Object(values) = line.entry.data {
                        state.variables.extend(values);
                    }
                }
                ("ended", _) => {
                    if let Some(standing) = line.entry.data.get("standing").and_then(Json::as_str) {
                        state.state = standing.to_owned();
                    }
                    state.tokens.clear();
                }
                _ => {}
            }
        }
    }
}
