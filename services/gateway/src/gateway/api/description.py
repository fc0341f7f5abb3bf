"""The public OpenAPI 3.1 document, merged from the services', and a page to read it by."""

import html
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.routing import Document

__all__ = ["OWN_DOCUMENT", "merged", "page"]


def merged(documents: Mapping[str, Document]) -> bytes:
    """One document of all public operations. A schema name that two services use gets the service's prefix."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    live: list[str] = []
    for service, document in documents.items():
        own = document.get("components", {}).get("schemas", {})
        renamed = {
            f"#/components/schemas/{name}": f"#/components/schemas/{service}_{name}"
            for name, schema in own.items()
            if schemas.get(name, schema) != schema
        }
        for name, schema in own.items():
            wanted = renamed.get(f"#/components/schemas/{name}", name).rpartition("/")[2]
            schemas[wanted] = _referring(schema, renamed)
        for path, item in document.get("paths", {}).items():
            public = {
                method: {**_referring(operation, renamed), **_named(service, operation)}
                for method, operation in item.items()
                if "internal" not in operation.get("tags", ())
            }
            if public:
                paths.setdefault(path, {}).update(public)
        live.extend(document.get("x-live", ()))
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Kabinet", "version": "1", "description": _ABOUT},
            "paths": dict(sorted(paths.items())),
            "components": {
                "schemas": schemas,
                "securitySchemes": {
                    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
                },
            },
            "x-live": live,
        }
    )


def page(document: bytes) -> str:
    """All operations on one page that needs no script and nothing from elsewhere."""
    described: Mapping[str, Any] = msgspec.json.decode(document)
    rows = [
        _row(method, path, operation)
        for path, item in described["paths"].items()
        for method, operation in item.items()
    ]
    return _PAGE.format(about=html.escape(_ABOUT), rows="\n".join(rows))


def _row(method: str, path: str, operation: Mapping[str, Any]) -> str:
    roles = ", ".join(operation["x-access"]["roles"])
    answers = "; ".join(
        f"{status} {answer.get('description', '')}".strip()
        for status, answer in sorted(operation["responses"].items())
    )
    cells = (operation.get("description") or operation.get("summary", ""), roles, answers)
    shown = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    return f"<tr><td><code>{method.upper()} {html.escape(path)}</code></td>{shown}</tr>"


def _named(service: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    """Ids are unique in one document: every service lists its own policies."""
    return {"tags": [service], "operationId": f"{service}_{operation['operationId']}"}


def _referring(node: Any, renamed: Mapping[str, str]) -> Any:
    """The same tree with references to renamed schemas."""
    if isinstance(node, dict):
        return {
            key: renamed.get(value, value) if key == "$ref" else _referring(value, renamed)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_referring(item, renamed) for item in node]
    return node


OWN_DOCUMENT: Document = {
    "paths": {
        "/api/v1/captcha": {
            "get": {
                "operationId": "show_captcha",
                "description": (
                    "What a stranger has to solve before an operation that takes the header X-Kabinet-Captcha. `kind` "
                    "says how. `altcha`: find the counter whose derived key begins with `keyPrefix` (ALTCHA, proof of "
                    "work v2), and show the base64 of the JSON of `challenge` (`parameters`, `signature`) and "
                    "`solution` (`counter`, `derivedKey`). `smartcaptcha`: show the token that the widget of Yandex "
                    "SmartCaptcha gives for `site_key`. A solution is good for one request and its repeats. 404 means "
                    "that none is needed here."
                ),
                "x-access": {
                    "action": "show_captcha",
                    "roles": {"anonymous": "tenant"},
                    "assurance": "basic",
                },
                "responses": {
                    "200": {
                        "description": "The challenge",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["kind"],
                                    "properties": {
                                        "kind": {"enum": ["altcha", "smartcaptcha"]},
                                        "parameters": {"type": "object"},
                                        "signature": {"type": "string"},
                                        "site_key": {"type": "string"},
                                    },
                                }
                            }
                        },
                    },
                    "404": {"description": "NOT_FOUND"},
                    "429": {"description": "RATE_LIMITED"},
                },
            }
        }
    }
}
"""What the gateway answers itself."""

_ABOUT = (
    "Telemedicine suite. Every unsafe call wants an Idempotency-Key; an answer's Kabinet-Position, sent back with a "
    "read, makes the read wait until it shows what was done; refusals are application/problem+json with stable codes."
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><title>Kabinet API</title><style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ border-top: 1px solid #ccc; padding: .5rem; text-align: left; vertical-align: top }}
td:last-child {{ color: #555; font-size: 13px }}
code {{ overflow-wrap: anywhere }}
@media (max-width: 48rem) {{ thead {{ display: none }} tr, td {{ display: block }} tr {{ border-top: 1px solid #ccc }}
td {{ border: 0; padding: .2rem 0 }} }}
</style></head><body><h1>Kabinet API</h1><p>{about} <a href="/api/v1/openapi.json">OpenAPI 3.1 document</a></p>
<table><thead><tr><th>operation</th><th>what it does</th><th>who</th><th>answers</th></tr></thead><tbody>
{rows}
</tbody></table></body></html>
"""
