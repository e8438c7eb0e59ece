//! The golden scenario's questions, asked of the demo.

use foodflow_testkit::{TestApp, TestClient};
use serde_json::{Value, json};

struct Demo {
    _app: TestApp,
    client: TestClient,
}

impl Demo {
    async fn start() -> anyhow::Result<Self> {
        let app = TestApp::demo().await?;
        let client = app.printed_client("harbor-vale").await?;
        Ok(Self { _app: app, client })
    }

    async fn lot(&self, number: &str) -> anyhow::Result<Value> {
        let page = self.client.get(&format!("/v1/batches?batch_number={number}")).await?.ok();
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
        Ok(page["items"][0].clone())
    }

    async fn ask(&self, number: &str, question: &str) -> anyhow::Result<Value> {
        let lot = self.lot(number).await?;
        let path = format!("/v1/batches/{}/{question}", lot["id"].as_str().unwrap());
        Ok(self.client.get(&path).await?.ok())
    }
}

fn numbers(answer: &Value) -> Vec<&str> {
    let mut numbers: Vec<_> = answer["batches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lot| lot["batch_number"].as_str().unwrap())
        .collect();
    numbers.sort_unstable();
    numbers
}

fn cases(value: &str) -> Value {
    json!([{"value": value, "unit": "CS"}])
}

#[tokio::test]
async fn questions_1_2_and_4_the_scope_grows_when_the_rework_is_recorded() -> anyhow::Result<()> {
    let demo = Demo::start().await?;
    let before = demo.ask("MP-0417", "impact?known_at=2026-03-12T12:00:00Z").await?;
    assert_eq!(numbers(&before), ["DS-1001", "DS-1002", "DS-1003"]);
    assert_eq!(
        before["totals"],
        json!({"produced": cases("760"), "shipped": cases("680"), "on_hand": cases("80")})
    );
    let after = demo.ask("MP-0417", "impact?known_at=2026-03-13T10:00:00Z").await?;
    assert_eq!(numbers(&after), ["DS-1001", "DS-1002", "DS-1003", "DS-1004"], "no path leads to DS-1005");
    assert_eq!(
        after["totals"],
        json!({"produced": cases("1160"), "shipped": cases("780"), "on_hand": cases("380")})
    );
    let consignees: Vec<(&str, &Value)> = after["consignees"]
        .as_array()
        .unwrap()
        .iter()
        .map(|consignee| (consignee["name"].as_str().unwrap(), &consignee["quantities"]))
        .collect();
    assert_eq!(
        consignees,
        [("DC-East", &cases("280")), ("DC-West", &cases("200")), ("Retail-R", &cases("300"))]
    );
    let question = "impact/changes?from=2026-03-12T12:00:00Z&to=2026-03-13T10:00:00Z";
    let changes = demo.ask("MP-0417", question).await?["changes"].as_array().unwrap().clone();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0]["batch_number"], "DS-1004");
    assert_eq!(changes[0]["change"], "entered");
    assert_eq!(changes[0]["event_type"], "foodflow.food_graph.transformation.inputs_added.v1");
    assert_eq!(changes[0]["lateness_seconds"], 88 * 3_600 + 40 * 60);
    Ok(())
}

#[tokio::test]
async fn question_3_a_state_as_understood_today_and_as_understood_then() -> anyhow::Result<()> {
    let demo = Demo::start().await?;
    let today = demo.ask("MP-0417", "trace?direction=forward&at=2026-03-09T17:00:00Z").await?;
    assert!(numbers(&today).contains(&"DB-303"), "{today}");
    let question = "trace?direction=forward&at=2026-03-09T17:00:00Z&known_at=2026-03-09T17:00:00Z";
    let then = demo.ask("MP-0417", question).await?;
    assert!(!numbers(&then).contains(&"DB-303"), "{then}");
    Ok(())
}

#[tokio::test]
async fn questions_5_and_6_mass_balances() -> anyhow::Result<()> {
    let demo = Demo::start().await?;
    let kg = |value: &str| json!({"value": value, "unit": "KGM"});
    let balance = demo.ask("MP-0417", "mass-balance").await?;
    for (name, value) in [
        ("received", "300"),
        ("used", "18"),
        ("sampled", "0.5"),
        ("book", "281.5"),
        ("counted", "279"),
        ("variance", "2.5"),
    ] {
        assert_eq!(balance[name], kg(value), "{name}");
    }
    assert_eq!(balance["accounted_percent"], json!(99.17));
    assert_eq!(balance["closed"], false);
    let then = demo.ask("MP-0417", "mass-balance?known_at=2026-03-10T12:00:00Z").await?;
    assert_eq!((&then["received"], &then["book"]), (&kg("30"), &kg("11.5")));
    assert!(then.get("counted").is_none() && then.get("accounted_percent").is_none(), "{then}");
    let dressing = demo.ask("DB-301", "mass-balance").await?;
    assert_eq!((&dressing["produced"], &dressing["used"]), (&kg("98"), &kg("98")));
    assert_eq!(dressing["closed"], true);
    Ok(())
}

#[tokio::test]
async fn question_8_backward_from_a_case() -> anyhow::Result<()> {
    let demo = Demo::start().await?;
    let trace = demo.ask("DS-1003", "trace?direction=backward").await?;
    let of_ingredient = |number: &str| {
        let lots = trace["batches"].as_array().unwrap();
        let lot = lots.iter().find(|lot| lot["batch_number"] == number).unwrap();
        (lot["share_of_ingredient"]["numerator"].clone(), lot["share_of_ingredient"]["denominator"].clone())
    };
    assert_eq!(of_ingredient("MP-0417"), (json!("1"), json!("2")));
    assert_eq!(of_ingredient("MP-0390"), (json!("1"), json!("2")));
    assert_eq!(of_ingredient("HB-7"), (json!("1"), json!("1")));
    let tiers: Vec<(&str, u64)> = trace["suppliers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|supplier| (supplier["name"].as_str().unwrap(), supplier["tier"].as_u64().unwrap()))
        .collect();
    assert!(tiers.contains(&("SpiceHub", 1)) && tiers.contains(&("Rajkot Mills", 2)), "{tiers:?}");
    Ok(())
}

#[tokio::test]
async fn a_second_start_of_the_demo_tells_nothing_twice() -> anyhow::Result<()> {
    let mut app = TestApp::demo().await?;
    let head = async |app: &TestApp| -> anyhow::Result<Value> {
        let answer = app.printed_client("harbor-vale").await?.get("/v1/projections?digest=true").await?.ok();
        Ok(answer["projections"][0].clone())
    };
    let first = head(&app).await?;
    app.restart().await?;
    let second = head(&app).await?;
    assert_eq!((&first["head"], &first["digest"]), (&second["head"], &second["digest"]));
    Ok(())
}
