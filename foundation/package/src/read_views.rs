//! View, trigger and step files.

use banyan_base::SourceFile;

use crate::forms;
use crate::model::*;
use crate::raw::*;
use crate::read::Reader;

fn measure(raw: RawMeasure) -> Measure {
    let what = match (raw.sum, raw.average, raw.min, raw.max, raw.ratio) {
        (Some(field), ..) => MeasureKind::Sum(field),
        (_, Some(field), ..) => MeasureKind::Average(field),
        (_, _, Some(field), ..) => MeasureKind::Min(field),
        (_, _, _, Some(field), _) => MeasureKind::Max(field),
        (.., Some(parts)) => {
            let mut parts = parts.into_iter();
            MeasureKind::Ratio(parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
        }
        _ => MeasureKind::Count,
    };
    Measure {
        title: raw.title,
        of: raw.of,
        filter: raw.filter,
        what,
    }
}

fn bulletin_table(raw: RawTable, of: &str) -> BulletinTable {
    BulletinTable {
        title: raw.title,
        of: raw.of.unwrap_or_else(|| of.to_owned()),
        filter: raw.filter,
        sort: raw.sort,
        columns: raw.columns,
    }
}

impl Reader {
    pub(crate) fn view(&mut self, file: &SourceFile, name: &str) {
        self.name(file, name);
        let Some(raw) = self.parse::<RawView>(file, &forms::VIEW) else {
            return;
        };
        let section = |raw: RawSection| DetailSection {
            title: raw.title,
            fields: raw.fields,
            when: raw.when,
        };
        let related = |raw: RawRelated| Related {
            title: raw.title,
            of: raw.of,
            by: raw.by,
            columns: raw.columns,
        };
        let kind = match raw.kind.as_str() {
            "list" => ViewKind::List { columns: raw.columns },
            "board" => ViewKind::Board {
                group: raw.group.unwrap_or_else(|| "state".into()),
                card: raw.card,
            },
            "detail" => ViewKind::Detail {
                sections: raw
                    .sections
                    .into_iter()
                    .map(|(name, raw)| (name, section(raw)))
                    .collect(),
                related: raw.related.into_iter().map(related).collect(),
            },
            "ranking" => ViewKind::Ranking {
                group: raw.group.unwrap_or_default(),
                measures: raw
                    .measures
                    .into_iter()
                    .map(|(name, raw)| (name, measure(raw)))
                    .collect(),
                order_by: raw.order_by.unwrap_or_default(),
            },
            "bulletin" => ViewKind::Bulletin {
                intro: raw.intro,
                figures: raw
                    .figures
                    .into_iter()
                    .map(|(name, raw)| (name, measure(raw)))
                    .collect(),
                tables: raw
                    .tables
                    .into_iter()
                    .map(|(name, table)| (name, bulletin_table(table, &raw.of)))
                    .collect(),
            },
            // The form knows no other word.
            _ => return,
        };
        let RawView {
            title,
            of,
            order,
            roles,
            filter,
            sort,
            ..
        } = raw;
        self.package.views.push((
            name.into(),
            View {
                title,
                of,
                order,
                roles,
                filter,
                sort,
                kind,
            },
        ));
    }

    pub(crate) fn triggers(&mut self, file: &SourceFile) {
        let Some(raw) = self.parse::<RawTriggers>(file, &forms::TRIGGERS) else {
            return;
        };
        for (name, raw) in raw.triggers {
            let on = match (raw.on.event, raw.on.daily) {
                (Some(event), None) => TriggerOn::Event(event),
                (None, Some(of)) => TriggerOn::Daily {
                    of,
                    filter: raw.on.filter,
                },
                _ => {
                    let message = "`on` needs either `event` or `daily`".into();
                    self.add(file, &["triggers", &name, "on"], "trigger-on", message, None);
                    continue;
                }
            };
            let RawAction {
                create,
                update,
                transition,
                start,
                message,
                name: to,
                key,
                target,
                with,
            } = raw.action;
            let action = match (create, update, transition, start, message) {
                (Some(of), None, None, None, None) => TriggerAction::Create { of, with },
                (None, Some(of), None, None, None) => TriggerAction::Update { of, target, with },
                (None, None, None, Some(process), None) => TriggerAction::Start { process, key, with },
                (None, None, None, None, Some(name)) => TriggerAction::Message { name, key, with },
                (None, None, Some(of), None, None) => TriggerAction::Transition {
                    of,
                    target,
                    name: to.unwrap_or_default(),
                    with,
                },
                _ => {
                    let message =
                        "`do` needs one of `create`, `update`, `transition`, `start` and `message`".into();
                    self.add(file, &["triggers", &name, "do"], "trigger-do", message, None);
                    continue;
                }
            };
            let trigger = Trigger {
                title: raw.title,
                on,
                when: raw.when,
                action,
                once: raw.once,
            };
            self.package.triggers.push((name, trigger));
        }
    }

    pub(crate) fn step(&mut self, file: &SourceFile, name: &str, overlay: Option<String>) {
        let Ok(number) = name.parse::<u32>() else {
            self.add(
                file,
                &[],
                "step-number",
                "a step's file is named by its number".into(),
                Some("steps/0002.toml"),
            );
            return;
        };
        let Some(raw) = self.parse::<RawStep>(file, &forms::STEP) else {
            return;
        };
        let actions = raw.actions.into_iter().map(|action| match action {
            RawStepAction::RenameType { from, to } => StepAction::RenameType { from, to },
            RawStepAction::RenameField { of, from, to } => StepAction::RenameField { of, from, to },
            RawStepAction::Split { of, from, into } => StepAction::Split { of, from, into },
            RawStepAction::Backfill { of, field, feel, all } => StepAction::Backfill { of, field, feel, all },
            RawStepAction::Convert { of, field, feel } => StepAction::Convert { of, field, feel },
            RawStepAction::DropField { of, field } => StepAction::DropField { of, field },
            RawStepAction::DropType { of } => StepAction::DropType { of },
        });
        self.package.steps.push(Step {
            number,
            overlay,
            actions: actions.collect(),
        });
    }
}
