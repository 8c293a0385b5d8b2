//! `rhapsode plan`: what a build would compute, and why.

use std::path::Path;
use std::process::ExitCode;

use console::style;
use serde::Serialize;

use super::{open, paint, print_json};
use crate::materialize::{Plan, Work};
use crate::pipeline;

/// Show what a build would compute, and why.
#[derive(clap::Args)]
pub(super) struct PlanCommand {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Planned {
    /// Whether a build would publish a release.
    publishes: bool,
    steps: Vec<Step>,
}

/// A source or a view, and why it is written; kept where there is no reason.
#[derive(Serialize)]
pub(super) struct Step {
    kind: &'static str,
    name: String,
    /// `keep`, or what is written: the `rows` that changed, some `columns`, `rows and columns`, the `whole` of it.
    action: &'static str,
    reasons: Vec<String>,
}

pub(super) fn steps(plan: &Plan) -> Vec<Step> {
    let step = |kind, name: &str, work: &Work, reasons: &[String]| Step {
        kind,
        name: name.to_owned(),
        action: match work {
            Work::Keep => "keep",
            Work::Rows(columns) if columns.is_empty() => "rows",
            Work::Rows(_) => "rows and columns",
            Work::Columns(_) => "columns",
            Work::Whole => "whole",
        },
        reasons: reasons.to_vec(),
    };
    let sources = plan.sources.iter().map(|s| step("source", s.source.name.as_str(), &s.work, &s.reasons));
    let views = plan.views.iter().map(|v| step("view", v.view.name.as_str(), &v.work, &v.reasons));
    let searches = plan.searches.iter().map(|s| step("search", s.view.name.as_str(), &s.work, &s.reasons));
    let words = plan.word_vectors.iter().map(|w| Step {
        kind: "words of search",
        name: w.search.clone(),
        action: if w.is_kept { "keep" } else { "whole" },
        reasons: (!w.is_kept).then(|| "vectors of its commonest words".to_owned()).into_iter().collect(),
    });
    sources.chain(views).chain(searches).chain(words).collect()
}

impl PlanCommand {
    pub async fn run(self, project: &Path) -> anyhow::Result<ExitCode> {
        let app = open(project)?;
        let (target, _) =
            pipeline::target(project, app.resources()).await.map_err(|error| paint::faults(project, error))?;
        let (plan, newest) = pipeline::plan(app.store(), &target, None).await?;
        let publishes = pipeline::publishes(app.store(), &target, &plan, newest.as_ref()).await?;
        let steps = steps(&plan);
        if self.json {
            print_json(&Planned { publishes, steps })?;
            return Ok(ExitCode::SUCCESS);
        }
        for step in &steps {
            let action = match step.action {
                "keep" => style("keep   ").dim(),
                "rows" => style("rows   ").green(),
                "columns" => style("columns").green(),
                "rows and columns" => style("rows and columns").green(),
                _ => style("whole  ").green().bold(),
            };
            let reasons = if step.reasons.is_empty() { "nothing changed".to_owned() } else { step.reasons.join("; ") };
            say!("{action} {} {}: {reasons}", step.kind, style(&step.name).bold());
        }
        match (plan.is_empty(), publishes) {
            (false, _) => {}
            (true, true) => {
                say!("no data has to be written; a build publishes what changed in its description or access")
            }
            (true, false) => say!("the newest release holds all of it"),
        }
        Ok(ExitCode::SUCCESS)
    }
}
