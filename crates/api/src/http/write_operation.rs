//! How a write operation is declared. Whoever uses the macro has what it names in scope.

/// Declares a write operation: its path, body, permission and status.
macro_rules! write_operation {
    ($name:ident, $verb:ident, $path:literal, $body:ty, $shown:ty, $permission:ident, $tag:literal, created: $summary:literal) => {
        #[doc = $summary]
        #[utoipa::path($verb, path = $path, tag = $tag, request_body = $shown, security(("bearer" = [])),
                                    responses(
                                        (status = 201, description = "Recorded", body = CommandAnswer),
                                    ))]
        async fn $name(
            State(app): State<App>,
            access: Access<$permission>,
            request: CommandRequest,
        ) -> Result<Response, Problem> {
            request.run::<$body, _>(&app, &access, Uuid::nil()).await
        }
    };
    ($name:ident, $verb:ident, $path:literal, $body:ty, $shown:ty, $permission:ident, $tag:literal, on $what:literal: $summary:literal) => {
        #[doc = $summary]
        #[utoipa::path($verb, path = $path, tag = $tag, request_body = $shown, security(("bearer" = [])),
                                    params(
                                        ("id" = Uuid, Path, description = $what),
                                    ),
                                    responses(
                                        (status = 200, description = "Recorded", body = CommandAnswer),
                                    ))]
        async fn $name(
            State(app): State<App>,
            access: Access<$permission>,
            PathId(id): PathId,
            request: CommandRequest,
        ) -> Result<Response, Problem> {
            request.run::<$body, _>(&app, &access, id).await
        }
    };
    ($name:ident, $verb:ident, $path:literal, $body:ty, $shown:ty, $permission:ident, $tag:literal, own: $summary:literal) => {
        #[doc = $summary]
        #[utoipa::path($verb, path = $path, tag = $tag, request_body = $shown, security(("bearer" = [])),
                                    responses(
                                        (status = 200, description = "Recorded", body = CommandAnswer),
                                    ))]
        async fn $name(
            State(app): State<App>,
            access: Access<$permission>,
            request: CommandRequest,
        ) -> Result<Response, Problem> {
            request.run::<$body, _>(&app, &access, uuid::Uuid::nil()).await
        }
    };
}
