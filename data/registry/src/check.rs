//! Filters in packages. They are CQL2, which this crate reads and compiles; so the checker of packages, which stands below
//! it, can't look at them, and whoever checks a package checks it here.

use banyan_base::{Finding, SourceFile};
use banyan_package::model::{Measure, MeasureKind, TriggerOn, View, ViewKind};
use banyan_package::{Installed, Package, finding_in};
use jiff::civil::date;

use crate::aggregate::Given;
use crate::catalog::{TypeInfo, type_info};
use crate::query::{Builder, Expr, Kind, parse, property};
use crate::seal::Vault;

/// All findings of `package` that need more than one file: those of [`banyan_package::check`], and what is wrong with the
/// filters of its views, measures and triggers.
pub fn check(package: &Package, files: &[SourceFile], installed: &Installed) -> Vec<Finding> {
    let mut checker = Checker {
        package,
        files,
        installed,
        findings: banyan_package::check(package, files, installed),
    };
    for (name, view) in &package.views {
        checker.view(name, view);
    }
    for (name, trigger) in &package.triggers {
        if let TriggerOn::Daily { of, filter } = &trigger.on {
            checker.filter(
                "triggers.toml",
                &["triggers", name, "on", "filter"],
                of,
                filter.as_deref(),
            );
        }
    }
    checker.findings.extend(crate::forms::check(package, installed));
    checker.findings
}

struct Checker<'a> {
    package: &'a Package,
    files: &'a [SourceFile],
    installed: &'a Installed,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    /// The type as a query sees it; none where it is not there or faulty itself, which is found elsewhere.
    fn find(&self, of: &str) -> Option<TypeInfo> {
        let (package, name) = match of.split_once('.') {
            Some((id, name)) if id != self.package.id => (self.installed.packages.get(id)?, name),
            Some((_, name)) => (self.package, name),
            None => (self.package, of),
        };
        type_info(package, name, package.record_type(name)?, &Vault::default()).ok()
    }

    fn error(&mut self, path: &str, keys: &[&str], message: String, hint: Option<String>) {
        self.findings
            .push(finding_in(self.files, path, keys, "filter", message, hint));
    }

    fn view(&mut self, name: &str, view: &View) {
        let path = format!("views/{name}.toml");
        self.filter(&path, &["filter"], &view.of, view.filter.as_deref());
        match &view.kind {
            ViewKind::Ranking { measures, .. } => {
                for (name, measure) in measures {
                    self.measure(&path, ["measures", name], view, measure);
                }
            }
            ViewKind::Bulletin { figures, tables, .. } => {
                for (name, measure) in figures {
                    self.measure(&path, ["figures", name], view, measure);
                }
                for (name, table) in tables {
                    self.filter(
                        &path,
                        &["tables", name, "filter"],
                        &table.of,
                        table.filter.as_deref(),
                    );
                }
            }
            _ => {}
        }
    }

    fn measure(&mut self, path: &str, [list, name]: [&str; 2], view: &View, measure: &Measure) {
        let of = measure.of.as_deref().unwrap_or(&view.of);
        self.filter(path, &[list, name, "filter"], of, measure.filter.as_deref());
        let (key, field) = match &measure.what {
            MeasureKind::Sum(field) => ("sum", field),
            MeasureKind::Average(field) => ("average", field),
            MeasureKind::Min(field) => ("min", field),
            MeasureKind::Max(field) => ("max", field),
            MeasureKind::Count | MeasureKind::Ratio(..) => return,
        };
        let Some(info) = self.find(of) else { return };
        match property(&info, field) {
            Err(message) => self.error(path, &[list, name, key], message, None),
            Ok(found) if !matches!(found.kind, Kind::Integer | Kind::Scaled(_) | Kind::Boolean) => {
                let message = format!("`{key}` needs numbers, and `{field}` holds none");
                self.error(path, &[list, name, key], message, None);
            }
            Ok(_) => {}
        }
    }

    fn filter(&mut self, path: &str, keys: &[&str], of: &str, filter: Option<&str>) {
        let (Some(filter), Some(info)) = (filter, self.find(of)) else {
            return;
        };
        let given = Given {
            unit: None,
            month: date(2022, 1, 1),
        };
        let read = parse(&given.fill(filter))
            .and_then(|filter| Builder::default().condition(&info, &plain(filter)).map(|_| ()));
        if let Err(problem) = read {
            let hint = problem.errors.first().map(|error| error.message.clone());
            let hint = hint.filter(|hint| !problem.detail.contains(hint.as_str()));
            self.error(path, keys, problem.detail, hint);
        }
    }
}

/// The filter with each spatial predicate as a question for its geometry: what settles it is in the database.
fn plain(filter: Expr) -> Expr {
    match filter {
        Expr::And(parts) => Expr::And(parts.into_iter().map(plain).collect()),
        Expr::Or(parts) => Expr::Or(parts.into_iter().map(plain).collect()),
        Expr::Not(inner) => Expr::Not(Box::new(plain(*inner))),
        Expr::Spatial { property, .. } => Expr::IsNull { property },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use banyan_package::{Installed, read};

    use super::check;
    use crate::tests::files;

    const PACKAGE: &str = "id = \"rooms\"\ntitle = { zh = \"会议室\" }\nword = \"collaboration\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n";
    const ROOM: &str = "title = { zh = \"会议室\" }\nlabel = \"name\"\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名称\" }\n[fields.seats]\ntype = \"integer\"\ntitle = { zh = \"座位\" }\n[fields.unit]\ntype = \"text\"\ntitle = { zh = \"单位\" }\n[fields.place]\ntype = \"geometry\"\ntitle = { zh = \"位置\" }\n";
    const LIST: &str = "title = { zh = \"本单位的\" }\nof = \"room\"\nkind = \"list\"\ncolumns = [\"name\"]\nfilter = \"unit = {me_unit} AND S_INTERSECTS(place, POINT(119 26))\"\n";
    const RANKING: &str = "title = { zh = \"排名\" }\nof = \"room\"\nkind = \"ranking\"\ngroup = \"unit\"\norder_by = \"large\"\n[measures.large]\ntitle = { zh = \"大\" }\nfilter = \"seats > 50\"\n[measures.seats]\ntitle = { zh = \"座位\" }\nsum = \"seats\"\n";
    const BULLETIN: &str = "title = { zh = \"通报\" }\nof = \"room\"\nkind = \"bulletin\"\nintro = { zh = \"如下\" }\n[figures.large]\ntitle = { zh = \"大\" }\nfilter = \"updated_at >= {month_start}\"\n[tables.all]\ntitle = { zh = \"全部\" }\nof = \"room\"\nfilter = \"seats > 1\"\ncolumns = [\"name\"]\n";
    const TRIGGERS: &str = "[triggers.tidy]\ntitle = { zh = \"整理\" }\non = { daily = \"room\", filter = \"seats > 50\" }\ndo = { update = \"room\", target = \"record.id\", with = { name = \"record.name\" } }\n";

    /// Rule, file, line and column of what is found when one text takes another's place.
    fn found(from: &str, to: &str) -> Vec<(String, String, u32, u32)> {
        let texts = [
            ("package.toml", PACKAGE),
            ("records/room.toml", ROOM),
            ("views/mine.toml", LIST),
            ("views/rank.toml", RANKING),
            ("views/paper.toml", BULLETIN),
            ("triggers.toml", TRIGGERS),
        ]
        .map(|(path, text)| (path, text.replace(from, to)));
        let texts: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let files = files(&texts);
        let (package, findings) = read(&files);
        assert!(findings.is_empty(), "{findings:?}");
        let found = check(&package.unwrap(), &files, &Installed::default());
        let errors = found
            .into_iter()
            .filter(|finding| finding.severity == banyan_base::Severity::Error);
        errors
            .map(|finding| (finding.rule, finding.file, finding.line, finding.column))
            .collect()
    }

    #[test]
    fn faulty_filters_are_found_where_they_stand() {
        assert_eq!(found("zzz", "zzz"), [], "the package itself is good");
        for (from, to, rule, file, line, column) in [
            (
                "unit = {me_unit}",
                "unti = {me_unit}",
                "filter",
                "views/mine.toml",
                5,
                1,
            ),
            (
                "unit = {me_unit}",
                "unit = {my_unit}",
                "filter",
                "views/mine.toml",
                5,
                1,
            ),
            (
                "S_INTERSECTS(place",
                "S_INTERSECTS(plaice",
                "filter",
                "views/mine.toml",
                5,
                1,
            ),
            (
                "\"seats > 50\"\n",
                "\"seats > 'many'\"\n",
                "filter",
                "views/rank.toml",
                8,
                1,
            ),
            (
                "sum = \"seats\"",
                "sum = \"name\"",
                "filter",
                "views/rank.toml",
                11,
                1,
            ),
            (
                "sum = \"seats\"",
                "sum = \"seets\"",
                "filter",
                "views/rank.toml",
                11,
                1,
            ),
            (
                "updated_at >=",
                "updated_at >==",
                "filter",
                "views/paper.toml",
                7,
                1,
            ),
            (
                "\"seats > 1\"",
                "\"seats > \"",
                "filter",
                "views/paper.toml",
                11,
                1,
            ),
            (
                "filter = \"seats > 50\" }",
                "filter = \"seets > 50\" }",
                "filter",
                "triggers.toml",
                3,
                24,
            ),
            (
                "target = \"record.id\"",
                "target = \"record.di\"",
                "feel",
                "triggers.toml",
                4,
                25,
            ),
        ] {
            let expected = [(rule.to_owned(), file.to_owned(), line, column)];
            assert_eq!(found(from, to), expected, "{to}");
        }
    }
}
