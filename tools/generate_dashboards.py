"""Generate Grafana's dashboards: `python tools/generate_dashboards.py` writes deploy/observability/grafana/dashboards.

Gauges are the same from every worker of a service, so the largest is shown; counters are added up.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Final, TypeAlias

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

FOLDER: Final = Path(__file__).resolve().parents[1] / "deploy/observability/grafana/dashboards"
SOURCE: Final = DataSourceRef(type_val="prometheus", uid="prometheus")
HTTP: Final = "http_server_request_duration_seconds"
CALLS: Final = "http_client_request_duration_seconds"
FACTS: Final = "kabinet_events_recorded_total"
ONE: Final = 'service=~"$service"'
"""The services that the reader has chosen."""

Query: TypeAlias = tuple[str, str]
"""PromQL, and what its lines are called."""
Panel: TypeAlias = "stat.Panel | timeseries.Panel"


def main() -> None:
    for path, text in documents():
        path.write_text(text)


def documents() -> Iterator[tuple[Path, str]]:
    """Every dashboard and its JSON."""
    for board in (overview(), flows(), http()):
        model = board.build()
        yield FOLDER / f"{model.uid}.json", json.dumps(model, cls=JSONEncoder, indent=1) + "\n"


def overview() -> dashboard.Dashboard:
    """Is the clinic working?"""
    return laid_out(
        board("kabinet-overview", "Kabinet: is the clinic working?"),
        {
            "Who has to come": [
                number(
                    "Processes down",
                    'count(up{job="kabinet"} == 0) or vector(0)',
                    "See the alerts ProcessDown and ProcessGone",
                ),
                number(
                    "Events in quarantine",
                    'sum(max by (service, flow) (kabinet_parked_events{quarantined="true"}))'
                    " or vector(0)",
                    "kabinet parked list",
                ),
                number(
                    "Views stopped",
                    "sum(max by (service, view) (kabinet_view_stopped)) or vector(0)",
                    "kabinet views list",
                ),
                number(
                    "Sagas open for over an hour",
                    "count(max by (service, process) (kabinet_saga_oldest_seconds) > 3600)"
                    " or vector(0)",
                    "Kinds of sagas, not their number: kabinet stuck",
                ),
                number(
                    "Deadlines failing",
                    'sum(max by (service, deadline) (kabinet_deadlines{state="failing"}))'
                    " or vector(0)",
                    "kabinet stuck",
                ),
                number(
                    "Refunds refused, last hour",
                    f'round(sum(increase({FACTS}{{type="RefundFailed.v1"}}[1h]))) or vector(0)',
                    "kabinet verify money",
                ),
            ],
            "What happens": [
                lines(
                    "Appointments per minute",
                    "A slot held, paid for or free, cancelled",
                    per_minute("requested", "AppointmentRequested"),
                    per_minute("reserved", "AppointmentReserved"),
                    per_minute("cancelled", "AppointmentCancelled"),
                    per_minute("completed", "AppointmentCompleted"),
                ),
                lines(
                    "Holds",
                    "Slots held now, and holds that ended unpaid in the last quarter of an hour",
                    ('max(kabinet_deadlines{deadline="hold_expiry",state="coming"})', "open"),
                    ('max(kabinet_deadlines{deadline="hold_expiry",state="due"})', "overdue"),
                    (f'sum(increase({FACTS}{{type="SlotHoldExpired.v1"}}[15m]))', "expired"),
                ),
                lines(
                    "Payments per minute",
                    "As the acquirer answered",
                    per_minute("succeeded", "PaymentSucceeded"),
                    per_minute("failed", "PaymentFailed"),
                    per_minute("expired", "PaymentExpired"),
                    per_minute("refunded", "RefundSucceeded"),
                ),
                lines(
                    "Letters and SMS per minute",
                    "As the providers answered",
                    per_minute("sent", "MessageSent"),
                    per_minute("failed", "MessageFailed"),
                    per_minute("tried another channel", "ChannelFailed"),
                ),
                lines(
                    "Consultations per minute",
                    "Doctors at work",
                    per_minute("taken in work", "ConsultationTakenInWork"),
                    per_minute("completed", "ConsultationCompleted"),
                    per_minute("expired", "ConsultationExpired"),
                ),
                lines(
                    "Conclusions per minute",
                    "From the doctor's signature to the patient's document",
                    per_minute("signed", "ConclusionSigned"),
                    per_minute("published", "ConclusionPublished"),
                    per_minute("signing failed", "ConclusionSigningFailed"),
                ),
            ],
            "How well": [
                lines(
                    "Requests that failed",
                    "Share of 5xx at the only public door",
                    (
                        f'sum(rate({HTTP}_count{{service="gateway",http_response_status_code=~"5.."}}[5m]))'
                        f' / sum(rate({HTTP}_count{{service="gateway"}}[5m])) or vector(0)',
                        "gateway",
                    ),
                    unit="percentunit",
                ),
                lines(
                    "Time to answer",
                    "At the only public door, WebSockets left out",
                    *(
                        (quantile(share, 'service="gateway"'), f"{share:.0%}")
                        for share in (0.5, 0.95, 0.99)
                    ),
                    unit="s",
                ),
                lines(
                    "The slowest flow",
                    "Age of the oldest event that was not taken on",
                    ("max(kabinet_flow_lag_seconds)", "relays and sagas"),
                    ("max(kabinet_view_lag_seconds)", "views"),
                    unit="s",
                ),
            ],
        },
    )


def flows() -> dashboard.Dashboard:
    """What is behind, aside, stuck?"""
    return laid_out(
        chosen(board("kabinet-flows", "Kabinet: what is behind, aside, stuck?")),
        {
            "Behind": [
                lines(
                    "Relays and sagas",
                    "Age of the oldest event of the store that was not taken",
                    (f"max by (flow) (kabinet_flow_lag_seconds{{{ONE}}})", "{{flow}}"),
                    unit="s",
                ),
                lines(
                    "Views",
                    "Age of the oldest event that is not shown yet",
                    (
                        f"max by (service, view) (kabinet_view_lag_seconds{{{ONE}}})",
                        "{{service}} {{view}}",
                    ),
                    unit="s",
                ),
                lines(
                    "Inboxes",
                    "Events of a topic that were not handled yet; more workers help, up to its partitions",
                    (f"max by (flow) (kabinet_flow_lag_events{{{ONE}}})", "{{flow}}"),
                ),
            ],
            "Aside and failing": [
                lines(
                    "Parked events",
                    "Quarantined ones wait for a person, others are tried again",
                    (
                        f"max by (service, flow, quarantined) (kabinet_parked_events{{{ONE}}})",
                        "{{service}} {{flow}} quarantined={{quarantined}}",
                    ),
                ),
                lines(
                    "Handlers that failed, per minute",
                    "Before they are tried again",
                    (
                        f"60 * sum by (service, flow) (rate(kabinet_event_failures_total{{{ONE}}}[5m]))",
                        "{{service}} {{flow}}",
                    ),
                ),
                lines(
                    "Stalls and crashes, in five minutes",
                    "A store, bus or inbox that does not answer; a bug",
                    (
                        f"sum by (service, flow) (increase(kabinet_flow_stalls_total{{{ONE}}}[5m]))",
                        "{{service}} {{flow}} stalled",
                    ),
                    (
                        f"sum by (service, task) (increase(kabinet_task_crashes_total{{{ONE}}}[5m]))",
                        "{{service}} {{task}} crashed",
                    ),
                ),
            ],
            "Stuck": [
                lines(
                    "Open sagas",
                    "Started and not ended",
                    (f"max by (process) (kabinet_sagas_open{{{ONE}}})", "{{process}}"),
                ),
                lines(
                    "The oldest open saga",
                    "kabinet stuck names it",
                    (f"max by (process) (kabinet_saga_oldest_seconds{{{ONE}}})", "{{process}}"),
                    unit="s",
                ),
                lines(
                    "Deadlines that are late",
                    "How long the oldest due one has been due",
                    (
                        f"max by (service, deadline) (kabinet_deadline_lag_seconds{{{ONE}}})",
                        "{{service}} {{deadline}}",
                    ),
                    unit="s",
                ),
                lines(
                    "Deadlines",
                    "Due now, failing again and again",
                    (
                        "max by (service, deadline, state)"
                        f' (kabinet_deadlines{{{ONE},state!="coming"}})',
                        "{{service}} {{deadline}} {{state}}",
                    ),
                ),
            ],
            "Throughput": [
                lines(
                    "Events handled a second",
                    "By relays, sagas and inboxes",
                    (
                        f"sum by (service, flow) (rate(kabinet_events_handled_total{{{ONE}}}[5m]))",
                        "{{service}} {{flow}}",
                    ),
                ),
                lines(
                    "Refused by the rules, per minute",
                    "What an event asked for and the rules declined",
                    (
                        f"60 * sum by (service, code) (rate(kabinet_event_refusals_total{{{ONE}}}[5m]))",
                        "{{service}} {{code}}",
                    ),
                ),
                lines(
                    "What readers wait for",
                    "Age of the oldest transaction that writes, on each service's server",
                    (
                        f"max by (service) (kabinet_store_horizon_lag_seconds{{{ONE}}})",
                        "{{service}}",
                    ),
                    unit="s",
                ),
            ],
        },
    )


def http() -> dashboard.Dashboard:
    """Who is slow, who errs?"""
    errors = f'{HTTP}_count{{{ONE},http_response_status_code=~"5.."}}'
    by_route = "sum by (service, http_request_method, http_route)"
    route = "{{service}} {{http_request_method}} {{http_route}}"
    return laid_out(
        chosen(board("kabinet-http", "Kabinet: who is slow, who errs?")),
        {
            "Answers": [
                lines(
                    "Requests a second",
                    "The ten busiest routes",
                    (f"topk(10, {by_route} (rate({HTTP}_count{{{ONE}}}[5m])))", route),
                    unit="reqps",
                ),
                lines(
                    "Errors",
                    "Share of 5xx by route",
                    (
                        f"{by_route} (rate({errors}[5m]))"
                        f" / {by_route} (rate({HTTP}_count{{{ONE}}}[5m]))",
                        route,
                    ),
                    unit="percentunit",
                ),
                lines(
                    "Refused by the rules, per minute",
                    "Codes that callers were told",
                    (
                        f"60 * sum by (service, code) (rate(kabinet_rejections_total{{{ONE}}}[5m]))",
                        "{{service}} {{code}}",
                    ),
                ),
                lines(
                    "Time to answer, 95 %",
                    "By service, WebSockets left out",
                    (quantile(0.95, ONE, "service"), "{{service}}"),
                    unit="s",
                ),
                lines(
                    "Time to answer, 95 %, slowest routes",
                    "The ten slowest, WebSockets left out",
                    (
                        f"topk(10, {quantile(0.95, ONE, 'service, http_request_method, http_route')})",
                        route,
                    ),
                    unit="s",
                ),
                lines(
                    "Open WebSockets that ended, per minute",
                    "Their duration is how long they were open",
                    (
                        "60 * sum by (service)"
                        f' (rate({HTTP}_count{{{ONE},http_response_status_code="101"}}[5m]))',
                        "{{service}}",
                    ),
                ),
            ],
            "Providers": [
                lines(
                    "Calls that failed",
                    "Share of calls without an answer, with 5xx or 429",
                    (
                        f'sum by (service, provider) (rate({CALLS}_count{{{ONE},error_type!=""}}[5m]))'
                        f" / sum by (service, provider) (rate({CALLS}_count{{{ONE}}}[5m]))",
                        "{{service}} to {{provider}}",
                    ),
                    unit="percentunit",
                ),
                lines(
                    "Time of calls, 95 %",
                    "Other services count as providers too",
                    (
                        "histogram_quantile(0.95, sum by (service, provider, le)"
                        f" (rate({CALLS}_bucket{{{ONE}}}[5m])))",
                        "{{service}} to {{provider}}",
                    ),
                    unit="s",
                ),
            ],
            "Database and processes": [
                lines(
                    "Connections in use",
                    "Share of what one process may open",
                    (
                        "max by (service, role, db_client_connection_pool_name) ("
                        "sum by (service, role, instance, db_client_connection_pool_name)"
                        f' (db_client_connection_count{{{ONE},db_client_connection_state="used"}})'
                        " / sum by (service, role, instance, db_client_connection_pool_name)"
                        f" (db_client_connection_max{{{ONE}}}))",
                        "{{service}} {{role}} to {{db_client_connection_pool_name}}",
                    ),
                    unit="percentunit",
                ),
                lines(
                    "CPU",
                    "Seconds of a core each second; one process uses one core",
                    (
                        f"max by (service, role) (rate(process_cpu_seconds_total{{{ONE}}}[5m]))",
                        "{{service}} {{role}}",
                    ),
                    unit="percentunit",
                ),
                lines(
                    "Memory",
                    "Resident, the largest process",
                    (
                        f"max by (service, role) (process_resident_memory_bytes{{{ONE}}})",
                        "{{service}} {{role}}",
                    ),
                    unit="bytes",
                ),
            ],
        },
    )


def per_minute(what: str, fact: str) -> Query:
    return f'60 * sum(rate({FACTS}{{type="{fact}.v1"}}[5m]))', what


def quantile(share: float, where: str, by: str = "") -> str:
    labels = f"{by}, le" if by else "le"
    return (
        f"histogram_quantile({share}, sum by ({labels})"
        f' (rate({HTTP}_bucket{{{where},http_response_status_code!="101"}}[5m])))'
    )


def board(uid: str, title: str) -> dashboard.Dashboard:
    links = dashboard.DashboardLink("Kabinet").type(DashboardLinkType.DASHBOARDS).tags(["kabinet"])
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .tags(["kabinet"])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-3h", "now")
        .refresh("30s")
        .timezone("browser")
        .link(links.keep_time(True))  # noqa: FBT003 - the builder's way
    )


def chosen(of: dashboard.Dashboard) -> dashboard.Dashboard:
    """With a choice of services."""
    return of.with_variable(
        dashboard.QueryVariable("service")
        .label("Service")
        .datasource(SOURCE)
        .query('label_values(up{job="kabinet"}, service)')
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)  # noqa: FBT003 - the builder's way
        .include_all(True)  # noqa: FBT003 - the builder's way
        .all_value(".*")
    )


def laid_out(of: dashboard.Dashboard, rows: dict[str, Sequence[Panel]]) -> dashboard.Dashboard:
    ids = count(1)
    for title, panels in rows.items():
        of = of.with_row(dashboard.Row(title).id(next(ids)))
        for panel in panels:
            of = of.with_panel(panel.id(next(ids)))
    return of


def number(title: str, expression: str, description: str) -> stat.Panel:
    """Green at 0, red above."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .with_target(prometheus.Dataquery().expr(expression).instant().ref_id("A"))
        .thresholds(limits(red_from=1))
        .color_mode(BigValueColorMode.BACKGROUND)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .height(4)
        .span(4)
    )


def lines(title: str, description: str, *queries: Query, unit: str = "short") -> timeseries.Panel:
    """One line for each series."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)  # noqa: FBT003 - the builder's way
        )
        .tooltip(
            common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        )
        .fill_opacity(10)
        .height(8)
        .span(8)
    )
    for letter, (expression, legend) in zip("ABCDEF", queries, strict=False):
        query = prometheus.Dataquery().expr(expression).range().legend_format(legend)
        panel = panel.with_target(query.ref_id(letter))
    return panel


def limits(*, red_from: float) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="green"), Threshold(value=red_from, color="red")]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


if __name__ == "__main__":
    main()
