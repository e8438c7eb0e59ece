//! The operations that the program documents, and how the tests know them.

use foodflow_testkit::{TestApp, TestClient};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

/// Operations for everyone.
pub(super) const PUBLIC: &[&str] = &[
    "GET /.well-known/jwks.json",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /v1/openapi.json",
    "POST /v1/invitations/accept",
    "POST /v1/login",
    "POST /v1/login/oidc",
    "POST /v1/login/oidc/finish",
    "POST /v1/password-resets/use",
    "POST /v1/sign-up",
    "POST /v1/token",
];

/// Operations of identity that take more than a tenant and a token of the command line: a person who has logged in, a
/// password, a key. What they accept is tried in `tests/identity`.
pub(super) fn is_of_identity(operation: &str) -> bool {
    const PATHS: &[&str] = &[
        "/v1/invitations",
        "/v1/login",
        "/v1/logout",
        "/v1/me",
        "/v1/password-resets",
        "/v1/roles",
        "/v1/service-accounts",
        "/v1/sessions",
        "/v1/sign-up",
        "/v1/token",
        "/v1/users",
    ];
    operation.split_once(' ').is_some_and(|(_, path)| PATHS.iter().any(|start| path.starts_with(start)))
}

/// The permission that each other operation asks for.
pub(super) const PERMISSIONS: &[(&str, &[&str])] = &[
    (
        "master_data:read",
        &[
            "GET /v1/ingredients",
            "GET /v1/ingredients/{id}",
            "GET /v1/locations",
            "GET /v1/locations/{id}",
            "GET /v1/products",
            "GET /v1/products/{id}",
            "GET /v1/skus",
            "GET /v1/skus/{id}",
            "GET /v1/suppliers",
            "GET /v1/suppliers/{id}",
        ],
    ),
    (
        "master_data:write",
        &[
            "POST /v1/ingredients",
            "POST /v1/locations",
            "POST /v1/products",
            "PUT /v1/products/{id}/recipe",
            "POST /v1/skus",
            "POST /v1/suppliers",
            "POST /v1/suppliers/{id}/customers",
        ],
    ),
    (
        "lots:read",
        &[
            "GET /v1/batches",
            "GET /v1/batches/{id}",
            "GET /v1/batches/{id}/impact",
            "GET /v1/batches/{id}/impact/changes",
            "GET /v1/batches/{id}/mass-balance",
            "GET /v1/batches/{id}/trace",
        ],
    ),
    (
        "lots:write",
        &[
            "POST /v1/batches/{id}/adjustments",
            "POST /v1/receipts",
            "POST /v1/receipts/{id}/correction",
            "POST /v1/shipments",
            "POST /v1/shipments/{id}/correction",
            "POST /v1/transformations",
            "POST /v1/transformations/{id}/correction",
            "POST /v1/transformations/{id}/inputs",
        ],
    ),
    (
        "lots:restrict",
        &[
            "POST /v1/batches/{id}/dispose",
            "POST /v1/batches/{id}/hold",
            "POST /v1/batches/{id}/recall",
            "POST /v1/batches/{id}/release",
        ],
    ),
    ("audit:read", &["GET /v1/audit", "GET /v1/audit/export"]),
    ("events:read", &["GET /v1/events", "GET /v1/events/stream"]),
    ("projections:read", &["GET /v1/projections"]),
    (
        "projections:decide",
        &["POST /v1/projections/quarantine/retry", "POST /v1/projections/quarantine/skip"],
    ),
    (
        "tenancy:read",
        &[
            "GET /v1/feature-flags",
            "GET /v1/feature-flags/{feature_name}",
            "GET /v1/subscriptions",
            "GET /v1/subscriptions/{id}",
            "GET /v1/tenant",
            "GET /v1/tenant/bill",
            "GET /v1/tenant/entitlements",
            "GET /v1/usage-metrics",
        ],
    ),
    ("tenancy:write", &["PUT /v1/feature-flags/{feature_name}", "PUT /v1/tenant"]),
    (
        "tenancy:administer",
        &[
            "POST /v1/subscriptions",
            "POST /v1/subscriptions/{id}/cancel",
            "POST /v1/subscriptions/{id}/renew",
            "POST /v1/tenant/close",
            "POST /v1/tenant/reactivate",
            "POST /v1/tenant/suspend",
            "PUT /v1/subscriptions/{id}/plan",
        ],
    ),
    (
        "account:use",
        &[
            "GET /v1/me",
            "GET /v1/me/sessions",
            "POST /v1/logout",
            "POST /v1/me/password",
            "POST /v1/me/identities",
            "POST /v1/me/identities/finish",
            "POST /v1/me/identities/unlink",
            "POST /v1/me/second-factor",
            "POST /v1/me/second-factor/disable",
            "POST /v1/me/second-factor/enable",
            "POST /v1/me/sessions/{id}/end",
            "PUT /v1/me",
        ],
    ),
    ("users:read", &["GET /v1/sessions", "GET /v1/users", "GET /v1/users/{id}"]),
    (
        "users:write",
        &[
            "POST /v1/sessions/{id}/revoke",
            "POST /v1/users",
            "POST /v1/users/{id}/deactivate",
            "POST /v1/users/{id}/identities/unlink",
            "POST /v1/users/{id}/password-reset",
            "POST /v1/users/{id}/reactivate",
            "POST /v1/users/{id}/second-factor/disable",
            "PUT /v1/users/{id}",
            "PUT /v1/users/{id}/roles",
        ],
    ),
    ("users:forget", &["POST /v1/users/{id}/forget"]),
    ("roles:read", &["GET /v1/permissions", "GET /v1/roles", "GET /v1/roles/{id}"]),
    ("roles:write", &["POST /v1/roles", "POST /v1/roles/{id}/delete", "PUT /v1/roles/{id}"]),
    (
        "service_accounts:read",
        &["GET /v1/service-accounts", "GET /v1/service-accounts/{id}", "GET /v1/service-accounts/{id}/keys"],
    ),
    (
        "service_accounts:write",
        &[
            "POST /v1/service-accounts",
            "POST /v1/service-accounts/{id}/deactivate",
            "POST /v1/service-accounts/{id}/keys",
            "POST /v1/service-accounts/{id}/keys/{key_id}/revoke",
            "POST /v1/service-accounts/{id}/reactivate",
            "PUT /v1/service-accounts/{id}/roles",
        ],
    ),
];

/// The permission that an operation asks for; `None` for one that the table does not know.
pub(super) fn permission_of(operation: &str) -> Option<&'static str> {
    PERMISSIONS.iter().find(|(_, operations)| operations.contains(&operation)).map(|(name, _)| *name)
}

/// A documented path, with this id where it takes one, and a feature where it takes that.
pub(super) fn path_of(path: &str, id: Uuid) -> String {
    let id = id.to_string();
    path.replace("{id}", &id).replace("{key_id}", &id).replace("{feature_name}", "vision")
}

/// An operation as documented.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    /// Method and path, e.g. `POST /v1/receipts`.
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) path: String,
    /// True where the document asks for a token.
    pub(super) secured: bool,
    /// Schema of its body.
    pub(super) body: Option<Value>,
    /// An example of its body.
    pub(super) example: Option<Value>,
    /// Its query parameters: name and schema.
    pub(super) query: Vec<(String, Value)>,
}

impl Operation {
    pub(super) fn has_id(&self) -> bool {
        self.path.contains("{id}")
    }

    pub(super) fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    /// The path, with this id where it takes one.
    pub(super) fn path_of(&self, id: Uuid) -> String {
        path_of(&self.path, id)
    }
}

/// The served OpenAPI document.
pub(super) struct Contract {
    document: Value,
}

impl Contract {
    pub(super) async fn of(client: &TestClient) -> anyhow::Result<Self> {
        Ok(Self { document: client.get("/v1/openapi.json").await?.ok() })
    }

    pub(super) async fn of_app(app: &TestApp) -> anyhow::Result<Self> {
        Self::of(&app.new_tenant()?).await
    }

    /// Every operation.
    pub(super) fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, item) in self.document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
                if !["GET", "PUT", "POST", "PATCH", "DELETE"].contains(&method.as_str()) {
                    continue;
                }
                let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                let query = parameters.iter().filter(|parameter| parameter["in"] == "query");
                operations.push(Operation {
                    name: format!("{method} {path}"),
                    secured: operation["security"].as_array().is_some_and(|schemes| {
                        schemes.iter().any(|one| one.as_object().is_some_and(|one| !one.is_empty()))
                    }),
                    body: operation.pointer("/requestBody/content/application~1json/schema").cloned(),
                    example: operation.pointer("/requestBody/content/application~1json/example").cloned(),
                    query: query
                        .map(|p| (p["name"].as_str().unwrap().to_owned(), p["schema"].clone()))
                        .collect(),
                    path: path.clone(),
                    method,
                });
            }
        }
        assert!(operations.len() > 30, "the document lost its operations");
        operations
    }

    /// The operation of this name.
    pub(super) fn operation(&self, name: &str) -> Operation {
        self.operations().into_iter().find(|operation| operation.name == name).expect(name)
    }

    /// A schema behind references and beside `null`.
    pub(super) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let pointer = reference.strip_prefix('#').unwrap();
            return self.resolve(self.document.pointer(pointer).expect(reference));
        }
        let choices: Vec<&Value> =
            schema["oneOf"].as_array().into_iter().flatten().filter(|one| one["type"] != "null").collect();
        match choices.as_slice() {
            [one] => self.resolve(one),
            _ => schema,
        }
    }
}
