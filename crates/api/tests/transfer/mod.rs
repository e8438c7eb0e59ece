//! Import and export: the real program on real files, beside a served plant.

mod files;
mod interruption;
mod roundtrip;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use foodflow_testkit::{TestApp, TestClient};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The short name that the tests import under.
const TENANT: &str = "tarn-hollow";

/// The files of the sample plant, in the order of its README.
const SAMPLE: [&str; 4] = ["master-data.ndjson", "receipts.csv", "transformations.csv", "shipments.csv"];

/// How the program ended, and what it said.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The totals that `--json` printed.
    fn totals(&self) -> [u64; 3] {
        let summary: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}", self.stderr));
        ["recorded", "repeated", "refused"].map(|name| summary[name].as_u64().unwrap())
    }
}

/// A served plant, and a folder for its files.
struct Plant {
    app: TestApp,
    client: TestClient,
    folder: TempDir,
}

impl Plant {
    async fn empty() -> Self {
        let app = TestApp::embedded().await.unwrap();
        let client = app.client(TENANT, &[]).unwrap();
        Self { app, client, folder: TempDir::new().unwrap() }
    }

    /// The sample plant, imported.
    async fn sample() -> Self {
        let plant = Self::empty().await;
        let ended = plant.import_sample(&[]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        plant
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_foodflow"));
        command.args(arguments).args(["--tenant", &self.client.slug, "--data"]).arg(self.app.data());
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().unwrap())
    }

    fn import(&self, file: &Path, more: &[&str]) -> Ended {
        let mut arguments = vec!["import", file.to_str().unwrap(), "--json"];
        arguments.extend(more);
        self.run(&arguments)
    }

    fn import_sample(&self, more: &[&str]) -> Ended {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let files = SAMPLE.map(|name| examples.join(name).to_str().unwrap().to_owned());
        let mut arguments = vec!["import", "--json", "--results", "sample.results.ndjson"];
        arguments.extend(files.iter().map(String::as_str));
        arguments.extend(more);
        self.run(&arguments)
    }

    /// What a result file says, a line each.
    fn results(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The end of the log.
    async fn head(&self) -> u64 {
        let answer = self.client.get("/v1/projections").await.unwrap().ok();
        let all = answer["projections"]
            .as_array()
            .or_else(|| answer["items"].as_array())
            .or_else(|| answer.as_array());
        all.unwrap_or_else(|| panic!("{answer}"))[0]["head"].as_u64().unwrap()
    }

    /// What a read answers once it reflects the whole log.
    async fn get(&self, path: &str) -> Value {
        self.client.get_after(self.head().await, path).await.unwrap().ok()
    }

    async fn lot(&self, number: &str) -> Value {
        let page = self.get(&format!("/v1/batches?batch_number={number}")).await;
        let lots = page["items"].as_array().unwrap();
        assert_eq!(lots.len(), 1, "{page}");
        lots[0].clone()
    }
}

/// Receipts in the words of the contract, with everything that they refer to before them.
fn history(receipts: usize) -> String {
    let id = |kind: u32, number: usize| format!("00000000-0000-4000-8{kind:03}-{number:012x}");
    let (place, ingredient) = (id(1, 0), id(2, 0));
    let mut lines = vec![
        json!({"command": "locations", "body": {"id": place, "name": "Plant", "type": "plant"}}),
        json!({"command": "ingredients", "body": {"id": ingredient, "name": "flour", "allergens": ["gluten"]}}),
    ];
    lines.extend((0..receipts).map(|number| {
        json!({"command": "receipts", "key": format!("receipt-{number}"), "body": {
            "batch_id": id(3, number), "batch_number": format!("L-{number}"), "ingredient_id": ingredient,
            "location_id": place, "quantity": {"value": number + 1, "unit": "KGM"},
            "received_at": "2026-05-01T06:00:00Z",
        }})
    }));
    lines.iter().map(|line| format!("{line}\n")).collect()
}
