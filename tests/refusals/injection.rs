//! Statements of databases in the place of values: SQL, Cypher, operators of documents, wildcards of subjects.
//!
//! Every text of every body, every parameter, path and header that the API documents takes each of them as the value that
//! it is, or refuses it and names the part at fault. Nothing else changes: the log holds what was accepted and no more, and
//! another tenant has what it had.

use std::collections::BTreeSet;

use foodflow_testkit::{Answer, Stores, TestApp, TestClient, World};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::attempt::{Request, log_end};
use super::contract::{Contract, Operation};
use super::examples::{Example, examples_on, fresh, set};
use super::kinds::{Kind, kind_of};
use super::tenants::shown;

/// What no value may do anything with.
const INJECTIONS: [&str; 14] = [
    "' OR '1'='1",
    "'; DROP TABLE tenants; --",
    "x'); DELETE FROM graph_nodes; --",
    "' UNION SELECT slug FROM tenants --",
    "\\'; SELECT pg_sleep(60); --",
    "$1::text || '$2'",
    "?1 %' ESCAPE '\\",
    "'}) DETACH DELETE n //",
    "`}) MATCH (m) DETACH DELETE m //",
    "x' }) RETURN 1 UNION MATCH (b:Batch) SET b.status = 'x' //",
    "{\"$gt\": \"\"}",
    "'; return true; var a='",
    "foodflow.tenant",
    "ff.ev.*.>",
];

/// Headers that the API reads, or that something in front of it may.
const HEADERS: [&str; 12] = [
    "After",
    "Prefer",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "Last-Event-ID",
    "Accept",
    "User-Agent",
    "X-Request-Id",
    "X-Forwarded-For",
    "X-Tenant-Id",
    "traceparent",
];

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte.is_ascii_alphanumeric() {
            true => escaped.push(byte.into()),
            false => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}

/// Pointers of the texts that a body holds, as its schema documents them.
fn texts(contract: &Contract, schema: &Value, body: &Value, pointer: &str, found: &mut Vec<String>) {
    let schema = contract.resolve(schema);
    match kind_of(schema) {
        Kind::Text => found.push(pointer.to_owned()),
        Kind::Object => {
            for (name, value) in body.as_object().unwrap() {
                texts(contract, &schema["properties"][name], value, &format!("{pointer}/{name}"), found);
            }
        }
        Kind::List => {
            for (index, element) in body.as_array().unwrap().iter().enumerate() {
                texts(contract, &schema["items"], element, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// The body of an operation that makes something, with new ids of what it makes.
fn made_anew(example: &Example, body: &Value) -> Value {
    if !example.creates() {
        return body.clone();
    }
    let ids = ["/id", "/batch_id", "/outputs/0/batch_id"];
    let present: Vec<&str> = ids.into_iter().filter(|pointer| body.pointer(pointer).is_some()).collect();
    fresh(body, &present)
}

/// All texts of a value.
fn strings(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Array(elements) => elements.iter().for_each(|element| strings(element, found)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, found)),
        _ => {}
    }
}

/// Which of the injected pointers a refusal names.
fn named(answer: &Answer, injected: &[(String, &'static str)]) -> Vec<String> {
    let errors = answer.body["errors"].as_array().into_iter().flatten();
    let pointers: BTreeSet<&str> = errors.filter_map(|error| error["pointer"].as_str()).collect();
    injected
        .iter()
        .map(|(pointer, _)| pointer.clone())
        .filter(|own| pointers.contains(own.as_str()))
        .collect()
}

/// What became of the texts of one body.
#[derive(Debug, Default)]
struct Outcome {
    accepted: usize,
    stored: BTreeSet<String>,
    refused: BTreeSet<String>,
}

/// Sends a body with other injections in its texts, without those that are refused by name, until it is accepted or
/// what it asks for cannot be done.
async fn inject(
    client: &TestClient,
    example: &Example,
    body: &Value,
    mut injected: Vec<(String, &'static str)>,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let original = made_anew(example, body);
    loop {
        let body = injected.iter().fold(original.clone(), |body, (at, text)| set(&body, at, json!(text)));
        let answer = example.request().json(&body).send(client).await?;
        let status = answer.status.as_u16();
        assert!(status < 500, "{} answers {status} to {body:#}", example.operation);
        if answer.status.is_success() {
            outcome.accepted += 1;
            let position = answer.body["position"].as_u64().unwrap();
            let events =
                client.get(&format!("/v1/events?after={}&limit=50", position.saturating_sub(10))).await?;
            let mut recorded = BTreeSet::new();
            strings(&events.ok(), &mut recorded);
            for (pointer, text) in injected {
                assert!(recorded.contains(text), "{} at {pointer}: {text}", example.operation);
                outcome.stored.insert(pointer);
            }
            return Ok(());
        }
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{:#}", answer.body);
        let refused = named(&answer, &injected);
        if refused.is_empty() {
            // What the texts are is no matter then: there is one subscription, an entity waits once.
            assert_ne!(status, 400, "{} names none of {injected:?}: {:#}", example.operation, answer.body);
            return Ok(());
        }
        injected.retain(|(pointer, _)| !refused.contains(pointer));
        outcome.refused.extend(refused);
    }
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_text_is_stored_as_it_is_or_refused_by_name(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let contract = Contract::of_app(app).await?;
    let other = World::build(app.new_tenant()?).await?;
    other.receive("F-1", 1).await?;
    let before = shown(&contract, &other.client).await?;
    let world = World::build(app.new_tenant()?).await?;
    let examples = examples_on(stores, &world).await?;
    // Embedded every field takes every text; on servers, where each takes longer, every field takes some of them.
    let step = if matches!(stores, Stores::Embedded) { 1 } else { 5 };
    let (start, mut accepted, mut stored) = (commands(&world.client).await?.len(), 0, 0);
    // A tenant that is closed is asked nothing more.
    let (closing, others): (Vec<_>, Vec<_>) =
        examples.iter().partition(|example| example.operation == "POST /v1/tenant/close");
    for example in others {
        let (own, texts) = inject_all(&contract, &world.client, example, step).await?;
        (accepted, stored) = (accepted + own, stored + texts);
    }
    assert!(stored > 40, "{stored} texts are too few to be all");
    assert_eq!(commands(&world.client).await?.len() - start, accepted, "what is refused is not recorded");
    filters(&contract, &world.client, step).await?;
    for example in closing {
        assert_eq!(inject_all(&contract, &world.client, example, step).await?, (1, 1));
    }
    assert_eq!(shown(&contract, &other.client).await?, before, "another tenant has what it had");
    Ok(())
}

/// Sends every body of an example with injections in each of its texts; answers with how many were accepted, and how many
/// texts were stored.
async fn inject_all(
    contract: &Contract,
    client: &TestClient,
    example: &Example,
    step: usize,
) -> anyhow::Result<(usize, usize)> {
    let schema = contract.operation(example.operation).body.expect(example.operation);
    let (mut accepted, mut stored) = (0, 0);
    for body in &example.bodies {
        let mut pointers = Vec::new();
        texts(contract, &schema, body, "", &mut pointers);
        let mut outcome = Outcome::default();
        for round in (0..INJECTIONS.len()).step_by(step) {
            let text = |field: usize| INJECTIONS[(round + field) % INJECTIONS.len()];
            let injected = pointers.iter().enumerate().map(|(field, at)| (at.clone(), text(field))).collect();
            inject(client, example, body, injected, &mut outcome).await?;
        }
        for pointer in &pointers {
            let told = outcome.stored.contains(pointer) || outcome.refused.contains(pointer);
            assert!(told, "{} at {pointer} was neither stored nor refused: {outcome:?}", example.operation);
        }
        accepted += outcome.accepted;
        stored += outcome.stored.len();
    }
    Ok((accepted, stored))
}

/// The commands that the tenant's log holds.
async fn commands(client: &TestClient) -> anyhow::Result<BTreeSet<String>> {
    let (mut commands, mut after) = (BTreeSet::new(), 0);
    loop {
        let page = client.get(&format!("/v1/events?limit=1000&after={after}")).await?.ok();
        let events = page.as_array().unwrap();
        let Some(last) = events.last() else { return Ok(commands) };
        after = last["position"].as_u64().unwrap();
        commands.extend(events.iter().map(|event| event["commandid"].as_str().unwrap().to_owned()));
    }
}

/// Every item of a list.
async fn every(client: &TestClient, end: u64, path: &str) -> anyhow::Result<Vec<Value>> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = client.get_after(end, &format!("{path}?page%5Bsize%5D=500{after}")).await?.body;
        all.extend(page["items"].as_array().cloned().unwrap_or_default());
        let Some(next) = page["next"].as_str() else { return Ok(all) };
        after = format!("&page%5Bafter%5D={next}");
    }
}

/// Every filter finds what has the value, and nothing else; what is no value of a parameter is refused.
async fn filters(contract: &Contract, client: &TestClient, step: usize) -> anyhow::Result<()> {
    let end = log_end(client).await?;
    let (mut asked, mut found) = (0, 0);
    for operation in contract.operations() {
        // A stream has no end to read.
        if !operation.secured || operation.is_write() || operation.path.ends_with("/stream") {
            continue;
        }
        let path = operation.path_of(Uuid::new_v4());
        let pages = operation.query.iter().any(|(name, _)| name == "page[size]");
        let all = if pages { every(client, end, &path).await? } else { Vec::new() };
        for (name, _) in &operation.query {
            for text in INJECTIONS.into_iter().step_by(step) {
                asked += 1;
                let filtered = format!("{path}?{}={}", escaped(name), escaped(text));
                let answer = client.get_after(end, &filtered).await?;
                let status = answer.status.as_u16();
                assert!([200, 400, 404].contains(&status), "{filtered}: {:#}", answer.body);
                let Some(items) = answer.body["items"].as_array() else { continue };
                let of_value = |item: &&Value| item[name] == text;
                assert!(pages, "{path} has pages");
                let expected: Vec<&Value> = all.iter().filter(of_value).collect();
                assert_eq!(items.iter().collect::<Vec<_>>(), expected, "{filtered}");
                found += items.len();
            }
        }
    }
    assert!(asked > 500 / step && found > 50 / step, "{found} found by {asked} questions");
    Ok(())
}

/// A request of this operation with a text in the place of a part of its path.
fn on_path(operation: &Operation, examples: &[Example], text: &str) -> Request {
    let parts = operation.path.split('/').map(|part| match part.starts_with('{') {
        true => escaped(text),
        false => part.to_owned(),
    });
    let request = Request::new(operation.method.clone(), parts.collect::<Vec<_>>().join("/"));
    match examples.iter().find(|example| example.operation == operation.name) {
        Some(example) => request.json(&example.bodies[0]),
        None => request,
    }
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn paths_and_headers_are_values_too(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let contract = Contract::of_app(app).await?;
    let other = World::build(app.new_tenant()?).await?;
    let before = shown(&contract, &other.client).await?;
    let world = World::build(app.new_tenant()?).await?;
    let examples = examples_on(stores, &world).await?;
    let client = &world.client;
    for operation in contract.operations().iter().filter(|operation| operation.path.contains('{')) {
        for text in INJECTIONS {
            let request = on_path(operation, &examples, text);
            let answer = request.send(client).await?;
            let status = answer.status.as_u16();
            assert!(status == 200 || (400..500).contains(&status), "{request:?}: {:#}", answer.body);
            if status == 200 && operation.is_write() {
                let read = Request::get(request.path.clone());
                let position = answer.body["position"].as_u64().unwrap();
                let mut found = BTreeSet::new();
                strings(&client.get_after(position, &read.path).await?.ok(), &mut found);
                assert!(found.contains(text), "{request:?} is not {text}");
            }
        }
    }
    let body = |number: usize| world.receipt(&format!("H-{number}"), 1).to_string().into_bytes();
    for (number, (header, text)) in
        HEADERS.iter().flat_map(|header| INJECTIONS.map(|text| (*header, text))).enumerate()
    {
        let read = client.send(Method::GET, "/v1/batches", &[(header, text)], None).await?;
        let write = client.send(Method::POST, "/v1/receipts", &[(header, text)], Some(body(number))).await?;
        for answer in [read, write] {
            let status = answer.status.as_u16();
            assert!(
                answer.status.is_success() || [400, 412].contains(&status),
                "{header}: {text}: {:#}",
                answer.body
            );
        }
    }
    // A key is a value like any other: the same again is answered alike, and makes nothing.
    let key = "';DROP`TABLE}{$1--";
    let first = client.post_as(key, "/v1/receipts", &world.receipt("K-1", 1)).await?.ok();
    assert_eq!(client.post_as(key, "/v1/receipts", &world.receipt("K-1", 1)).await?.ok(), first);
    assert_eq!(shown(&contract, &other.client).await?, before, "another tenant has what it had");
    Ok(())
}
