//! Another tenant's id is not there: for every operation that takes one, in every list, and for whatever is written.

use std::collections::BTreeMap;
use std::time::Duration;

use foodflow_testkit::{Stores, TestApp, TestClient, World};
use futures::StreamExt as _;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::attempt::{Attempts, Refusal, Request, log_end};
use super::contract::{Contract, Operation, PUBLIC, is_of_identity, path_of, permission_of};
use super::examples::{Example, examples, set};
use super::tenancy_examples::subscribed;

/// Reads of a thing of which the tenant has one at most, without an id.
const ALONE: &[&str] = &["GET /v1/tenant", "GET /v1/feature-flags/{feature_name}"];

/// Reads that are neither a page nor of one thing: each has a test of its own, here or with what it is of.
const SHARED: &[&str] = &[
    "GET /v1/audit/export",
    "GET /v1/events/stream",
    "GET /v1/permissions",
    "GET /v1/projections",
    "GET /v1/tenant/bill",
    "GET /v1/tenant/entitlements",
];

/// How it is tried whether an operation keeps to its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crossing {
    /// With the id of another tenant's thing.
    Id,
    /// As a list, where another tenant has something.
    List,
    /// As a thing of which a tenant has one at most, where another tenant has one.
    Alone,
    /// By a test of its own.
    Shared,
    /// As a write under the ids that another tenant chose.
    Write,
    /// As a write to another tenant's users, roles, sessions, accounts or keys.
    Person,
    /// As a write of identity that names nothing by its id in its path.
    Identity,
}

/// People of a tenant, of whom one has logged in, and a program.
struct People {
    user: Uuid,
    role: Uuid,
    session: Uuid,
    service_account: Uuid,
    key: Uuid,
    position: u64,
    /// The one who has logged in.
    person: TestClient,
}

impl People {
    /// Invites somebody to a tenant that is registered.
    async fn of(app: &TestApp, slug: &str) -> anyhow::Result<Self> {
        let client = app.client(slug, &[])?;
        let id = |answer: &Value| -> Uuid { answer["id"].as_str().unwrap().parse().unwrap() };
        let role = json!({"name": "Reader", "permissions": ["lots:read", "account:use"]});
        let role = id(&client.post("/v1/roles", &role).await?.ok());
        let email = format!("someone@{slug}.example");
        let invited = client.post("/v1/users", &json!({"email": email, "role_ids": [role]})).await?.ok();
        let password = "violet-otter-cobalt-29";
        let accept = json!({"token": invited["token"], "password": password});
        client.post("/v1/invitations/accept", &accept).await?.ok();
        let login = json!({"tenant": slug, "email": email, "password": password});
        let grant = client.post("/v1/login", &login).await?.ok();
        let person = client.with_token(grant["access_token"].as_str().unwrap());
        let account = json!({"name": "ERP", "role_ids": [role]});
        let account = client.post("/v1/service-accounts", &account).await?.ok();
        let keys = format!("/v1/service-accounts/{}/keys", id(&account));
        let key = client.post(&keys, &json!({"name": "ERP, spring"})).await?.ok();
        Ok(Self {
            user: id(&invited),
            role,
            session: grant["session_id"].as_str().unwrap().parse()?,
            service_account: id(&account),
            key: id(&key),
            position: key["position"].as_u64().unwrap(),
            person,
        })
    }

    /// What a path of identity names by its id.
    fn named_in(&self, path: &str) -> Uuid {
        match path.split('/').nth(2).unwrap() {
            "users" => self.user,
            "roles" => self.role,
            "service-accounts" => self.service_account,
            "sessions" | "me" => self.session,
            collection => panic!("what is in `{collection}`?"),
        }
    }

    /// A write as documented, to what these people have, by somebody whose own role has this id.
    fn write(&self, operation: &Operation, own_role: Uuid) -> Request {
        let path = operation.path.replace("{id}", &self.named_in(&operation.path).to_string());
        let mut body = operation.example.clone().expect(&operation.name);
        if body.get("role_ids").is_some() {
            body = set(&body, "/role_ids", json!([own_role]));
        }
        Request::new(operation.method.clone(), path.replace("{key_id}", &self.key.to_string())).json(&body)
    }
}

/// How an operation is tried; `None` for one that no test tries.
fn crossing(operation: &Operation) -> Option<Crossing> {
    let name = operation.name.as_str();
    let takes_another = operation.path.replace("{id}", "").replace("{feature_name}", "").contains('{');
    match operation {
        _ if is_of_identity(name) && operation.is_write() && operation.has_id() => Some(Crossing::Person),
        _ if is_of_identity(name) && (operation.is_write() || name.starts_with("GET /v1/me")) => {
            Some(Crossing::Identity)
        }
        _ if takes_another => None,
        _ if operation.has_id() => Some(Crossing::Id),
        _ if operation.is_write() => Some(Crossing::Write),
        _ if SHARED.contains(&name) => Some(Crossing::Shared),
        _ if ALONE.contains(&name) => Some(Crossing::Alone),
        _ => Some(Crossing::List),
    }
}

/// What a tenant sees of itself: every list, and the digests of its read models.
pub(super) async fn shown(
    contract: &Contract,
    client: &TestClient,
) -> anyhow::Result<BTreeMap<String, Value>> {
    let end = log_end(client).await?;
    let mut shown = BTreeMap::new();
    for operation in contract.operations() {
        if operation.secured && [Some(Crossing::List), Some(Crossing::Alone)].contains(&crossing(&operation))
        {
            let answer = client.get_after(end, &operation.path_of(Uuid::nil())).await?;
            shown.insert(operation.name, answer.body);
        }
    }
    let projections = client.get_after(end, "/v1/projections?digest=true").await?.ok();
    for projection in projections["projections"].as_array().unwrap() {
        let digest = projection["digest"].clone();
        assert!(digest.is_string(), "{projections:#}");
        shown.insert(projection["projection"].to_string(), digest);
    }
    Ok(shown)
}

/// The query that an operation cannot do without.
fn query(operation: &Operation) -> &'static str {
    match operation.name.as_str() {
        "GET /v1/batches/{id}/trace" => "?direction=forward",
        "GET /v1/batches/{id}/impact/changes" => "?from=0",
        _ => "",
    }
}

/// The id of something of the kind that a path names.
fn resource(world: &World, people: &People, lot: Uuid, examples: &[Example], path: &str) -> Uuid {
    match path.split('/').nth(2).unwrap() {
        "users" | "roles" | "service-accounts" => people.named_in(path),
        "batches" => lot,
        "locations" => world.plant,
        "suppliers" => world.supplier,
        "ingredients" => world.ingredient,
        "products" => world.product,
        "skus" => world.sku,
        collection => {
            let of_collection = format!("POST /v1/{collection}/{{id}}/");
            let found = examples.iter().find(|example| example.operation.starts_with(&of_collection));
            found.unwrap_or_else(|| panic!("what is in `{collection}`?")).id
        }
    }
}

/// A request that its owner may make.
fn request(operation: &Operation, id: Uuid, examples: &[Example]) -> Request {
    if operation.is_write() {
        let example = examples.iter().find(|one| one.operation == operation.name).expect(&operation.name);
        // A correction alone, so that not a reference but the document is what is missing.
        let body = match example.bodies[0].get("restated") {
            Some(_) => json!({"reason": "typing error"}),
            None => example.bodies[0].clone(),
        };
        return example.request_on(id).json(&body);
    }
    Request::get(format!("{}{}", operation.path_of(id), query(operation)))
}

#[tokio::test]
async fn another_tenants_id_is_not_there() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let contract = Contract::of_app(app).await?;
    let ours = World::build(app.new_tenant()?).await?;
    let theirs = World::build(app.new_tenant()?).await?;
    let (our_examples, their_examples) = (examples(&ours).await?, examples(&theirs).await?);
    let lot = theirs.receive("F-1", 100).await?;
    let people = People::of(app, &theirs.client.slug).await?;
    let by_id = |operation: &Operation| crossing(operation) == Some(Crossing::Id);
    let operations: Vec<Operation> = contract.operations().into_iter().filter(by_id).collect();
    assert!(operations.len() > 20, "{operations:?}");
    let not_there = Refusal::new(404, "not-found");
    let mut attempts = Attempts::of(&ours.client).await?;
    let mut owners = Attempts::of(&theirs.client).await?;
    for operation in &operations {
        let foreign = resource(&theirs, &people, lot, &their_examples, &operation.path);
        for (whose, id) in [("another tenant's", foreign), ("nobody's", Uuid::new_v4())] {
            attempts.refused(whose, &request(operation, id, &our_examples), &not_there).await?;
        }
        let nobodys = request(operation, Uuid::new_v4(), &their_examples);
        owners.refused("nobody's", &nobodys, &not_there).await?;
    }
    attempts.finish().await?;
    owners.finish().await?;
    theirs.client.get_after(people.position, "/v1/users").await?.ok();
    control(&theirs.client, &operations, &their_examples, &theirs, &people, lot).await
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn another_tenants_people_and_programs_are_not_there(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let contract = Contract::of_app(app).await?;
    let (our, their) = (app.new_tenant()?, app.new_tenant()?);
    for tenant in [&our, &their] {
        tenant.put("/v1/tenant", &json!({"name": tenant.slug})).await?.ok();
    }
    let (ours, theirs) = (People::of(app, &our.slug).await?, People::of(app, &their.slug).await?);
    let by = |how: Crossing| contract.operations().into_iter().filter(move |one| crossing(one) == Some(how));
    let not_there = Refusal::new(404, "not-found");
    let mut attempts = Attempts::of(&our).await?;
    let owners = Attempts::of(&their).await?;
    let mut operations: Vec<Operation> = by(Crossing::Person).collect();
    for operation in &operations {
        let us = if operation.path.starts_with("/v1/me/") { &ours.person } else { &our };
        attempts.refused_to(us, "another tenant's", &theirs.write(operation, ours.role), &not_there).await?;
    }
    // A key of theirs, said to be of a program of ours; and their role, given to somebody of ours.
    let account = theirs.service_account;
    let mixed = People { service_account: ours.service_account, ..theirs };
    for operation in operations.iter().filter(|operation| operation.path.contains("{key_id}")) {
        attempts.refused("another tenant's key", &mixed.write(operation, ours.role), &not_there).await?;
    }
    let theirs = People { service_account: account, ..mixed };
    let gives_roles =
        |one: &Operation| one.example.as_ref().is_some_and(|body| body.get("role_ids").is_some());
    let mut given = 0;
    for operation in by(Crossing::Person).chain(by(Crossing::Identity)).filter(gives_roles) {
        let body = set(operation.example.as_ref().unwrap(), "/role_ids", json!([theirs.role]));
        let path = if operation.has_id() {
            operation.path_of(ours.named_in(&operation.path))
        } else {
            operation.path
        };
        let request = Request::new(operation.method, path).json(&body);
        attempts.refused("another tenant's role", &request, &Refusal::missing("/role_ids")).await?;
        given += 1;
    }
    assert!(given >= 4 && operations.len() > 15, "{given} {operations:?}");
    attempts.finish().await?;
    owners.finish().await?;
    // Their own requests find it: what they delete last.
    operations.sort_by_key(|operation| operation.name.ends_with("/delete"));
    for operation in &operations {
        let them = if operation.path.starts_with("/v1/me/") { &theirs.person } else { &their };
        let answer = theirs.write(operation, theirs.role).send(them).await?;
        assert_ne!(answer.status.as_u16(), 404, "{}: {:#}", operation.name, answer.body);
    }
    Ok(())
}

/// The owner's own requests succeed, so that nothing but the tenant was at fault.
async fn control(
    owner: &TestClient,
    operations: &[Operation],
    examples: &[Example],
    world: &World,
    people: &People,
    lot: Uuid,
) -> anyhow::Result<()> {
    let position = owner.post("/v1/receipts", &world.receipt("F-2", 1)).await?.ok()["position"].clone();
    owner.get_after(position.as_u64().unwrap(), "/v1/batches").await?.ok();
    for operation in operations.iter().filter(|operation| !operation.is_write()) {
        let id = resource(world, people, lot, examples, &operation.path);
        request(operation, id, examples).send(owner).await?.ok();
    }
    for example in examples.iter().filter(|example| example.has_id()) {
        let operation = operations.iter().find(|one| one.name == example.operation).unwrap();
        request(operation, example.id, examples).send(owner).await?.ok();
    }
    Ok(())
}

#[tokio::test]
async fn no_list_shows_what_another_tenant_has() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let contract = Contract::of_app(app).await?;
    let theirs = World::build(app.new_tenant()?).await?;
    theirs.client.post("/v1/receipts", &theirs.receipt("F-1", 1)).await?.ok();
    subscribed(&theirs).await?;
    let position = People::of(app, &theirs.client.slug).await?.position;
    let stranger = app.new_tenant()?;
    let elements = |answer: Value| match answer {
        Value::Array(elements) => elements.len(),
        page => page["items"].as_array().expect("a page has items").len(),
    };
    for operation in contract.operations() {
        let path = path_of(&operation.path, Uuid::nil());
        match crossing(&operation).filter(|_| operation.secured) {
            Some(Crossing::List) => {}
            Some(Crossing::Alone) => {
                theirs.client.get_after(position, &path).await?.ok();
                stranger.get(&path).await?.refused(404, "not-found");
                continue;
            }
            _ => continue,
        }
        let own = theirs.client.get_after(position, &operation.path).await?.ok();
        assert!(elements(own) > 0, "{}", operation.name);
        assert_eq!(elements(stranger.get(&operation.path).await?.ok()), 0, "{}", operation.name);
    }
    Ok(())
}

/// [`super::access`] tries each without a token and without its permission, as the table of permissions names them.
#[tokio::test]
async fn every_operation_is_tried_by_nobody_by_one_who_may_not_and_by_another_tenant() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let operations = Contract::of_app(app).await?.operations();
    for operation in &operations {
        let Operation { name, secured, .. } = operation;
        let is_public = PUBLIC.contains(&name.as_str());
        assert_ne!(*secured, is_public, "{name}: it asks for a token, or is known to answer everyone");
        assert!(is_public || permission_of(name).is_some(), "{name}: which permission does it need?");
        assert!(is_public || crossing(operation).is_some(), "{name}: how is another tenant kept out?");
    }
    for (of, names) in [(Crossing::Shared, SHARED), (Crossing::Alone, ALONE)] {
        let found: Vec<&str> =
            operations.iter().filter(|one| crossing(one) == Some(of)).map(|one| one.name.as_str()).collect();
        assert_eq!(found.len(), names.len(), "{names:?} are not all operations: {found:?}");
    }
    let unknown = Operation { path: "/v1/things/{thing_id}".to_owned(), ..operations[0].clone() };
    assert_eq!(crossing(&unknown), None);
    Ok(())
}

#[tokio::test]
async fn what_is_written_under_another_tenants_ids_is_ones_own() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let contract = Contract::of_app(app).await?;
    let ours = World::build(app.new_tenant()?).await?;
    let theirs = World::build(app.new_tenant()?).await?;
    let (our_examples, their_examples) = (examples(&ours).await?, examples(&theirs).await?);
    for example in &our_examples {
        example.request().json(&example.bodies[0]).send(&ours.client).await?.ok();
    }
    let before = shown(&contract, &ours.client).await?;
    let mut tried = 0;
    for (our, their) in our_examples.iter().zip(&their_examples) {
        let mut body = their.bodies[0].clone();
        if crossing(&contract.operation(our.operation)) == Some(Crossing::Write) {
            for pointer in ["/id", "/batch_id", "/outputs/0/batch_id"] {
                if let Some(id) = our.bodies[0].pointer(pointer) {
                    body = set(&body, pointer, id.clone());
                    tried += 1;
                }
            }
        }
        their.request().json(&body).send(&theirs.client).await?.ok();
    }
    assert!(tried > 8, "{tried} ids are too few to be all");
    assert_eq!(shown(&contract, &ours.client).await?, before);
    Ok(())
}

#[tokio::test]
async fn neither_a_stream_nor_a_file_nor_the_state_of_projections_tells_of_another_tenant()
-> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let theirs = World::build(app.new_tenant()?).await?;
    let lot = theirs.receive("F-1", 1).await?;
    // Something of theirs waits in quarantine.
    let waiting = examples(&theirs).await?;
    let waiting =
        waiting.iter().find(|one| one.operation == "POST /v1/projections/quarantine/retry").unwrap();
    let entity = waiting.bodies[0]["entity"].as_str().unwrap();
    let own = theirs.client.get("/v1/projections").await?.ok().to_string();
    assert!(own.contains(entity), "{own}");
    let stranger = World::build(app.new_tenant()?).await?;
    let seen = stranger.client.get("/v1/projections?digest=true").await?.ok().to_string();
    assert!(!seen.contains(entity), "{seen}");
    let stream = reqwest::Client::new()
        .get(format!("{}/v1/events/stream?after=0", app.base()))
        .bearer_auth(&stranger.client.token);
    let mut stream = stream.send().await?.error_for_status()?.bytes_stream();
    theirs.receive("F-2", 1).await?;
    let last = stranger.receive("OUR-LAST", 1).await?.to_string();
    let mut seen = String::new();
    while !seen.contains(&last) {
        let next = tokio::time::timeout(Duration::from_secs(30), stream.next()).await?;
        seen.push_str(&String::from_utf8_lossy(&next.expect("a stream goes on")?));
    }
    assert!(!seen.contains(&lot.to_string()) && !seen.contains("F-2"), "{seen}");
    let file = "/v1/audit/export?format=ndjson";
    let head = log_end(&theirs.client).await?;
    let own = theirs.client.get_after(head, file).await?.ok().to_string();
    assert!(own.contains(&lot.to_string()), "{own}");
    let seen = stranger.client.get_after(head, file).await?.ok().to_string();
    assert!(seen.contains(&last) && !seen.contains(&lot.to_string()), "{seen}");
    Ok(())
}
