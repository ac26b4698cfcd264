//! What a run tells, step by step, with the place of everything that went wrong.

use std::io::{self, Write};
use std::time::Duration;

use super::entrance::Fault;
use super::read::{FeatureFile, Line, Scenario};
use super::{Failure, Summary};

/// A fault in words.
pub fn explain(fault: &Fault) -> String {
    match fault {
        Fault::Wrong(text) => text.clone(),
        Fault::Mismatch { expected, found } => format!("应为:{expected}\n实为:{found}"),
    }
}

pub struct Report<'w> {
    out: &'w mut dyn Write,
}

impl<'w> Report<'w> {
    pub fn new(out: &'w mut dyn Write) -> Report<'w> {
        Report { out }
    }

    pub fn feature(&mut self, file: &FeatureFile) -> io::Result<()> {
        writeln!(self.out, "功能: {}  # {}:{}", file.name, file.file, file.line)
    }

    pub fn scenario(&mut self, file: &FeatureFile, scenario: &Scenario) -> io::Result<()> {
        writeln!(
            self.out,
            "\n  场景: {}  # {}:{}",
            scenario.name, file.file, scenario.line
        )
    }

    pub fn step(&mut self, file: &FeatureFile, step: &Line, result: &Result<(), Fault>) -> io::Result<()> {
        match result {
            Ok(()) => writeln!(self.out, "    ✔ {} {}", step.keyword, step.text)?,
            Err(fault) => {
                writeln!(
                    self.out,
                    "    ✘ {} {}  # {}:{}",
                    step.keyword, step.text, file.file, step.line
                )?;
                self.indented(&explain(fault))?;
            }
        }
        self.out.flush()
    }

    /// A failure that showed only later, at an earlier step.
    pub fn afterwards(&mut self, file: &FeatureFile, line: usize, fault: &Fault) -> io::Result<()> {
        writeln!(self.out, "    ✘ 场景结束  # {}:{line}", file.file)?;
        self.indented(&explain(fault))
    }

    pub fn step_left_out(&mut self, step: &Line) -> io::Result<()> {
        writeln!(self.out, "    - {} {}", step.keyword, step.text)
    }

    pub fn skipped(&mut self, why: &str) -> io::Result<()> {
        writeln!(self.out, "    - 跳过:{why}")
    }

    fn indented(&mut self, text: &str) -> io::Result<()> {
        text.lines()
            .try_for_each(|line| writeln!(self.out, "        {line}"))
    }

    fn failures(&mut self, failures: &[Failure]) -> io::Result<()> {
        for failure in failures {
            let scenario = if failure.scenario.is_empty() {
                String::new()
            } else {
                format!(" 场景“{}”", failure.scenario)
            };
            writeln!(self.out, "{}:{}{scenario}", failure.file, failure.line)?;
            self.indented(&failure.message)?;
        }
        Ok(())
    }

    /// Files are wrong: nothing was run.
    pub fn not_run(&mut self, summary: &Summary) -> io::Result<()> {
        self.failures(&summary.failures)?;
        writeln!(
            self.out,
            "\n{} 处写法有误,没有运行。全部步骤见 banyan features --steps",
            summary.failures.len()
        )
    }

    pub fn totals(&mut self, summary: &Summary, took: Duration) -> io::Result<()> {
        if !summary.failures.is_empty() {
            writeln!(self.out, "\n没有通过:")?;
            self.failures(&summary.failures)?;
        }
        let (passed, failed, skipped) = (summary.passed, summary.failures.len(), summary.skipped);
        writeln!(
            self.out,
            "\n{} 个功能,{} 个场景:通过 {passed},未通过 {failed},跳过 {skipped};{} 步,{:.1} 秒",
            summary.features,
            passed + failed + skipped,
            summary.steps,
            took.as_secs_f64()
        )?;
        self.out.flush()
    }
}
