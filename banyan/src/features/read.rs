//! Feature files read: scenarios with their background in front and outlines written out, each line at its place.

use std::path::Path;

use gherkin::{Feature, GherkinEnv, ParseFileError};

/// One feature file.
pub struct FeatureFile {
    /// As it is shown: the folder as it was named, and the file in it.
    pub file: String,
    pub name: String,
    pub line: usize,
    pub scenarios: Vec<Scenario>,
}

/// One scenario to run; of an outline, one row of its examples.
pub struct Scenario {
    pub name: String,
    pub line: usize,
    pub steps: Vec<Line>,
}

/// One step as written.
#[derive(Clone)]
pub struct Line {
    pub keyword: String,
    pub text: String,
    pub line: usize,
    pub table: Option<Vec<Vec<String>>>,
    pub doc: Option<String>,
}

/// What is wrong with a file, and where.
pub struct Fault {
    pub file: String,
    pub line: usize,
    pub message: String,
}

/// Reads one file. `shown` is its name in messages.
pub fn read(path: &Path, shown: &str) -> Result<FeatureFile, Fault> {
    let fault = |line, message: String| Fault {
        file: shown.to_owned(),
        line,
        message,
    };
    let mut text = std::fs::read_to_string(path).map_err(|error| fault(0, error.to_string()))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let env = GherkinEnv::new("zh-CN").map_err(|error| fault(1, error.to_string()))?;
    let feature = Feature::parse_path(path, env).map_err(|error| {
        let (line, message) = explain(&error);
        fault(line, message)
    })?;
    let mut scenarios = Vec::new();
    let background = feature.background.as_ref().map(|b| b.steps.as_slice());
    let groups = std::iter::once((None, feature.scenarios.as_slice())).chain(
        feature
            .rules
            .iter()
            .map(|rule| (rule.background.as_ref(), rule.scenarios.as_slice())),
    );
    for (own, group) in groups {
        let mut before: Vec<Line> = background
            .unwrap_or_default()
            .iter()
            .map(|s| line(&text, s))
            .collect();
        before.extend(
            own.iter()
                .flat_map(|background| background.steps.iter().map(|step| line(&text, step))),
        );
        for scenario in group {
            let at = line_of(&text, scenario.span.start);
            if let Some(stray) = stray(scenario.description.as_deref()) {
                return Err(fault(
                    at,
                    format!("“{stray}”的开头不是已知的关键字(假如、当、那么、并且、但是),会被当作说明"),
                ));
            }
            if scenario.steps.is_empty() {
                return Err(fault(at, format!("场景“{}”没有步骤", scenario.name)));
            }
            let steps = scenario.steps.iter().map(|step| line(&text, step));
            let whole: Vec<Line> = before.iter().cloned().chain(steps).collect();
            if scenario.examples.is_empty() {
                scenarios.push(Scenario {
                    name: scenario.name.clone(),
                    line: at,
                    steps: whole,
                });
            } else {
                scenarios.extend(written_out(&text, scenario, &whole));
            }
        }
    }
    Ok(FeatureFile {
        file: shown.to_owned(),
        name: feature.name.clone(),
        line: line_of(&text, feature.span.start),
        scenarios,
    })
}

/// The scenarios of an outline, one a row of its examples.
fn written_out(text: &str, outline: &gherkin::Scenario, steps: &[Line]) -> Vec<Scenario> {
    let mut all = Vec::new();
    for table in outline
        .examples
        .iter()
        .filter_map(|examples| examples.table.as_ref())
    {
        let first = line_of(text, table.span.start);
        let Some((header, rows)) = table.rows.split_first() else {
            continue;
        };
        for (index, row) in rows.iter().enumerate() {
            let fill = |text: &str| {
                header
                    .iter()
                    .zip(row)
                    .fold(text.to_owned(), |text, (name, value)| {
                        text.replace(&format!("<{name}>"), value)
                    })
            };
            let filled = |step: &Line| Line {
                text: fill(&step.text),
                table: step.table.as_ref().map(|rows| {
                    rows.iter()
                        .map(|row| row.iter().map(|cell| fill(cell)).collect())
                        .collect()
                }),
                doc: step.doc.as_deref().map(fill),
                ..step.clone()
            };
            all.push(Scenario {
                name: format!("{}({})", fill(&outline.name), row.join("、")),
                line: first + index + 1,
                steps: steps.iter().map(filled).collect(),
            });
        }
    }
    all
}

fn line(text: &str, step: &gherkin::Step) -> Line {
    Line {
        keyword: step.keyword.trim().to_owned(),
        text: step.value.trim().to_owned(),
        line: line_of(text, step.span.start),
        table: step.table.as_ref().map(|table| table.rows.clone()),
        doc: step.docstring.as_ref().map(|doc| doc.trim().to_owned()),
    }
}

/// The line of what begins at `start`. The parser takes comments in front of a step for a part of it: they are passed.
fn line_of(text: &str, start: usize) -> usize {
    let (before, after) = text.split_at_checked(start).unwrap_or((text, ""));
    let skipped = after
        .split('\n')
        .map(str::trim)
        .take_while(|line| line.is_empty() || line.starts_with('#'))
        .count();
    before.matches('\n').count() + 1 + skipped
}

/// A line of a scenario's description that was meant as a step: the parser takes what begins with no keyword for prose.
fn stray(description: Option<&str>) -> Option<&str> {
    description?.lines().map(str::trim).find(|line| {
        let rest = line
            .split_once(char::is_whitespace)
            .map_or(*line, |(_, rest)| rest);
        super::steps::find(rest.trim()).is_some() || super::steps::find(line).is_some()
    })
}

fn explain(error: &ParseFileError) -> (usize, String) {
    match error {
        ParseFileError::Reading { source, .. } => (0, source.to_string()),
        ParseFileError::Parsing { error, source, .. } => {
            // The position is told in words only: "Error at 3:5: …".
            let text = source.to_string();
            let line = text
                .strip_prefix("Error at ")
                .and_then(|rest| rest.split(':').next())
                .and_then(|line| line.parse().ok())
                .unwrap_or(1);
            let what = match error {
                Some(gherkin_error) => format!("这里不合 Gherkin 的写法:{gherkin_error}"),
                None => "这里不合 Gherkin 的写法".to_owned(),
            };
            (line, what)
        }
    }
}
