#!/usr/bin/env python3
"""Writes gatepost-dashboard.json, the dashboard for Grafana (9.5 or newer).

    deploy/grafana/make_dashboard.py           # writes the file beside this one
    deploy/grafana/make_dashboard.py --check   # says whether it is up to date

A dashboard in Grafana's own format is 2,000 lines of which a few say something: these few stand here.
Each panel has a title, a description for who has never seen it, queries with legends, and a unit.
"""

import json
import pathlib
import sys

FILE = pathlib.Path(__file__).resolve().parent / "gatepost-dashboard.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24  # columns of Grafana's grid

I = 'instance=~"$instance"'
POOL = f'{I}, pool=~"$pool"'


def rate(name, by="", labels=I):
    """How much a counter grows in a second, by labels."""
    return f"sum by ({by}) (rate({name}{{{labels}}}[$__rate_interval]))" if by else \
        f"sum(rate({name}{{{labels}}}[$__rate_interval]))"


def share(part, whole):
    return f"{part} / {whole}"


def quantile(q, name, by=""):
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({name}_bucket{{{I}}}[$__rate_interval])))"


def quantiles(name, by="", label=""):
    """Three lines of a histogram: the usual, the slow, the slowest."""
    return [(quantile(q, name, by), f"{label}{word}")
            for q, word in ((0.5, "half"), (0.95, "19 of 20"), (0.99, "99 of 100"))]


def stat(title, description, queries, unit="short", steps=None, **more):
    return {"type": "stat", "title": title, "description": description, "queries": queries,
            "unit": unit, "steps": steps or [(None, "text")], "width": 3, "height": 4, **more}


def graph(title, description, queries, unit="short", **more):
    return {"type": "timeseries", "title": title, "description": description, "queries": queries,
            "unit": unit, "width": 8, "height": 8, **more}


GOOD, SOON, BAD = "green", "orange", "red"
BAD_BELOW_ALL = [(None, BAD), (1, GOOD)]
BAD_ABOVE_NONE = [(None, GOOD), (1, BAD)]

ROWS = [
    ("At a glance", [
        stat("Gateways that answer",
             "Gateways whose admin listener answered Prometheus at the last scrape.",
             [(f'sum(up{{job="gatepost", {I}}})', "")], steps=BAD_BELOW_ALL),
        stat("Alerts", "Alerts of Gatepost that fire now. What each means: docs/operations.md.",
             [('count(ALERTS{alertname=~"Gatepost.+", alertstate="firing"}) or vector(0)', "")],
             steps=BAD_ABOVE_NONE),
        stat("Sessions", "Client sessions at this moment.",
             [(f"sum(gatepost_sessions_active{{{I}}})", "")]),
        stat("Logins that succeed",
             "Of all login attempts in the last 10 minutes. Nothing is shown when there were none.",
             [(share(f'sum(increase(gatepost_logins_total{{{I}, result="ok"}}[10m]))',
                     f"sum(increase(gatepost_logins_total{{{I}}}[10m]))"), "")],
             unit="percentunit", steps=[(None, BAD), (0.5, SOON), (0.9, GOOD)]),
        stat("Servers that are up",
             "Share of the upstream servers that no gateway takes for down.",
             [(f"avg(gatepost_upstream_up{{{POOL}}})", "")], unit="percentunit",
             steps=[(None, BAD), (0.5, SOON), (1, GOOD)]),
        stat("Scanners that find",
             "Share of the scanners whose last self-test was fine: they found a harmless known-bad "
             "sample, and nothing in a good one.",
             [(f"avg(gatepost_scanner_effective{{{I}}})", "")], unit="percentunit",
             steps=[(None, BAD), (1, GOOD)], none="no scanner"),
        stat("First certificate to expire", "How long the first of all certificates is still good.",
             [(f"min(gatepost_certificate_expiry_timestamp_seconds{{{I}}}) - time()", "")], unit="s",
             steps=[(None, BAD), (3 * 86400, SOON), (21 * 86400, GOOD)], none="no certificate"),
        stat("Version", "What is running, and on how many gateways.",
             [(f"count by (version) (gatepost_build_info{{{I}}})", "{{version}}")],
             text="value_and_name"),
        graph("Logins", "Login attempts by how they ended. `refused`: wrong password. `unavailable`: "
              "no server could be asked. `throttled`: too many failures before.",
              [(rate("gatepost_logins_total", "result"), "{{result}}")], "suffix:/s", width=12),
        graph("Sessions", "Client sessions by gateway, and how many are let in.",
              [(f"gatepost_sessions_active{{{I}}}", "{{instance}}"),
               (f"gatepost_connections_limit{{{I}}}", "limit of {{instance}}")], width=12),
    ]),
    ("Traffic", [
        graph("Octets", "POP3 without TLS, from clients and to them.",
              [(rate("gatepost_client_sent_bytes_total"), "to clients"),
               (rate("gatepost_client_received_bytes_total"), "from clients")], "Bps"),
        graph("Messages fetched", "RETR commands answered to the end.",
              [(rate("gatepost_messages_retrieved_total", "instance"), "{{instance}}")], "suffix:/s"),
        graph("Commands", "What clients say. `bad` is what was no command.",
              [(rate("gatepost_commands_total", "command"), "{{command}}"),
               (rate("gatepost_bad_commands_total"), "bad")], "suffix:/s"),
        graph("Time for a message", "From RETR to the last octet queued for the client: depends on the "
              "size of messages and on how fast clients read.",
              quantiles("gatepost_retr_seconds"), "s"),
        graph("How sessions end", "`quit` is the good way. `upstream_lost`, `message_broken` and `internal` "
              "are worth a look; what each means: docs/log.md.",
              [(rate("gatepost_sessions_ended_total", "reason"), "{{reason}}")], "suffix:/s"),
        graph("New sessions", "Client sessions begun, and those that never used TLS.",
              [(rate("gatepost_sessions_total"), "all"),
               (rate("gatepost_plaintext_sessions_total"), "without TLS")], "suffix:/s"),
    ]),
    ("TLS", [
        graph("Versions", "Handshakes with clients by TLS version. `legacy`: of networks that are allowed "
              "old TLS.",
              [(rate("gatepost_tls_handshakes_total", "version"), "TLS {{version}}"),
               (rate("gatepost_tls_legacy_total"), "legacy")], "suffix:/s"),
        graph("Resumed", "Share of handshakes that resumed a session, which costs a fraction of a full one.",
              [(share(rate("gatepost_tls_resumed_total"), rate("gatepost_tls_handshakes_total")),
                "resumed")], "percentunit"),
        graph("Handshakes that failed", "By reason. `not_tls` and `closed` are mostly port scans; "
              "`no_shared_version` are old clients; `peer_alert`: the client does not like the certificate.",
              [(rate("gatepost_tls_handshake_failures_total", "reason"), "{{reason}}")], "suffix:/s"),
        graph("Ciphers", "Handshakes with clients by cipher.",
              [(rate("gatepost_tls_ciphers_total", "cipher"), "{{cipher}}")], "suffix:/s", width=12),
        graph("Certificates", "How long each certificate is still good.",
              [(f"min by (certificate) (gatepost_certificate_expiry_timestamp_seconds{{{I}}}) - time()",
                "{{certificate}}")], "s", width=12),
    ]),
    ("Upstream servers", [
        graph("Up", "1: no gateway takes the server for down. Between 0 and 1: some do.",
              [(f"avg by (pool, server) (gatepost_upstream_up{{{POOL}}})", "{{pool}} {{server}}")],
              low=0, high=1),
        graph("Sessions at each server", "Sessions that are logged in there, or about to.",
              [(f"sum by (pool, server) (gatepost_upstream_sessions{{{POOL}}})", "{{pool}} {{server}}")]),
        graph("Logins without a server", "Attempts that failed because no server could be used.",
              [(rate("gatepost_logins_total", "instance", f'{I}, result="unavailable"'),
                "{{instance}}")], "suffix:/s"),
        graph("Time to connect", "Until the connection to a server stood, TLS included.",
              quantiles("gatepost_upstream_connect_seconds"), "s", width=12),
        graph("Time to log in", "From connected to logged in: the server's own work.",
              quantiles("gatepost_upstream_login_seconds"), "s", width=12),
    ]),
    ("Scanning", [
        graph("Verdicts", "Messages by the worst verdict of all scanners. `unreachable`, `timeout`, "
              "`not_understood` and `spool_full` mean that nobody has looked.",
              [(rate("gatepost_messages_total", "cause"), "{{cause}}")], "suffix:/s"),
        graph("What became of messages", "The action that the policy has for the verdict.",
              [(rate("gatepost_message_actions_total", "action"), "{{action}}")], "suffix:/s"),
        graph("Time to the verdict", "From the retrieval to the verdict of all scanners.",
              quantiles("gatepost_verdict_seconds"), "s"),
        graph("Each scanner's time", "Mean time of a scan, without waiting for a place.",
              [(share(rate("gatepost_scanner_seconds_total", "scanner"),
                      rate("gatepost_scanner_verdicts_total", "scanner")), "{{scanner}}")], "s"),
        graph("Under way and waiting", "Scans at this moment, and messages that wait for a place.",
              [(f"sum by (scanner) (gatepost_scanner_running{{{I}}})", "{{scanner}}: running"),
               (f"sum by (scanner) (gatepost_scanner_waiting{{{I}}})", "{{scanner}}: waiting")]),
        graph("Effective and paused", "Effective: 1 where the last self-test was fine everywhere. Paused: "
              "workers that ask nothing for a while after too many failures.",
              [(f"min by (scanner) (gatepost_scanner_effective{{{I}}})", "{{scanner}}: effective"),
               (f"sum by (scanner) (gatepost_scanner_paused_workers{{{I}}})", "{{scanner}}: paused")]),
        graph("Shown to scanners", "Octets a second, by scanner, and all that went through a chain.",
              [(rate("gatepost_scanner_bytes_total", "scanner"), "{{scanner}}"),
               (rate("gatepost_scanned_bytes_total"), "messages")], "Bps"),
        graph("Verdicts remembered", "Share of the verdicts that were known from before: nobody was asked.",
              [(share(rate("gatepost_verdict_memory_lookups_total", "", f'{I}, result="hit"'),
                      rate("gatepost_verdict_memory_lookups_total")), "known")], "percentunit"),
        graph("Clients that wait", "Retrievals in which the answer had to begin before the verdict, header lines "
              "said meanwhile, and messages that had to be broken off.",
              [(rate("gatepost_waiting_retrievals_total"), "begun early"),
               (rate("gatepost_waiting_lines_total"), "header lines"),
               (rate("gatepost_deliveries_broken_off_total"), "broken off"),
               (rate("gatepost_refused_again_total"), "refused again")], "suffix:/s"),
        graph("Spool", "Share of spool.max_total in use.",
              [(f"gatepost_spool_bytes{{{I}}} / gatepost_spool_limit_bytes{{{I}}}", "{{instance}}")],
              "percentunit", low=0, high=1),
        graph("Quarantine", "Octets kept, and at how many the oldest message goes (0: no quarantine).",
              [(f"gatepost_quarantine_bytes{{{I}}}", "{{instance}}"),
               (f"gatepost_quarantine_limit_bytes{{{I}}}", "limit of {{instance}}")], "bytes"),
        graph("Failures", "Messages that could not be spooled, or that the quarantine did not take, "
              "self-tests that failed, and pauses that workers made after failures of a scanner.",
              [(rate("gatepost_spool_failures_total"), "spool"),
               (rate("gatepost_quarantine_failures_total"), "quarantine"),
               (rate("gatepost_scanner_self_tests_total", "scanner", f'{I}, result="failed"'),
                "self-test of {{scanner}}"),
               (rate("gatepost_scanner_pauses_total", "scanner"), "pauses of {{scanner}}")], "suffix:/s"),
        graph("Rules", "Messages to which each rule of a chain applied.",
              [(rate("gatepost_rule_messages_total", "chain, rule"), "{{chain}}: {{rule}}")],
              "suffix:/s", none="no rules"),
        graph("Shadows and reading ahead", "Messages that a second chain looked at for comparison, and "
              "messages fetched before they were asked for.",
              [(rate("gatepost_shadow_messages_total", "result"), "shadow: {{result}}"),
               (rate("gatepost_read_ahead_messages_total", "result"), "ahead: {{result}}")],
              "suffix:/s"),
        graph("Held for rules", "Octets that rules have written into messages under way.",
              [(f"gatepost_rewrite_held_bytes{{{I}}}", "{{instance}}")], "bytes"),
    ]),
    ("Delete and keep", [
        graph("Decisions", "What policies decided about messages, dry runs apart.",
              [(rate("gatepost_retention_decisions_total", "policy, decision",
                     f'{I}, dry_run="false"'), "{{policy}}: {{decision}}")],
              "suffix:/s", none="no policy"),
        graph("Kept all the same", "Messages that were to go and were kept, and why.",
              [(rate("gatepost_retention_guards_total", "policy, guard", f'{I}, dry_run="false"'),
                "{{policy}}: {{guard}}")], "suffix:/s", none="no policy"),
        graph("Hidden messages", "Messages that clients were not shown, in each mailbox opened.",
              [(rate("gatepost_retention_hidden_messages_total", "instance"), "{{instance}}")],
              "suffix:/s"),
        graph("Time of the store", "Until the store had answered, for 19 of 20 calls.",
              [(quantile(0.95, "gatepost_retention_store_seconds", "call"), "{{call}}")], "s", width=12),
        graph("State of the store", "Up: 1 where every worker can use it. Errors: sessions that could not.",
              [(f"gatepost_retention_store_up{{{I}}}", "{{instance}}: up"),
               (rate("gatepost_retention_store_errors_total", "instance"), "{{instance}}: errors a second")],
              width=12),
    ]),
    ("Limits and process", [
        graph("Memory", "Memory of the process, and how much it may take.",
              [(f"gatepost_process_resident_bytes{{{I}}}", "{{instance}}"),
               (f"gatepost_process_memory_limit_bytes{{{I}}}", "limit of {{instance}}")], "bytes"),
        graph("Processor", "Cores in use by all threads of a gateway.",
              [(rate("gatepost_process_cpu_seconds_total", "instance"), "{{instance}}")], "cores"),
        graph("Lag", "How late the timers of the event loops go off. Beyond 100 ms users feel it.",
              quantiles("gatepost_loop_lag_seconds"), "s"),
        graph("Descriptors", "Open descriptors, and how many there may be. A session takes two.",
              [(f"gatepost_process_open_descriptors{{{I}}}", "{{instance}}"),
               (f"gatepost_process_descriptors_limit{{{I}}}", "limit of {{instance}}")]),
        graph("Mail in transit", "Share of limits.memory in use. At 100 % nobody new is let in.",
              [(f"gatepost_io_blocks{{{I}}} / gatepost_io_blocks_limit{{{I}}}", "{{instance}}")],
              "percentunit", low=0, high=1),
        graph("Workers in trouble", "Workers that let nobody in for want of memory, and for how many seconds "
              "a worker has stood still. Both are 0 when all is well.",
              [(f"gatepost_accept_paused{{{I}}}", "{{instance}}: not accepting"),
               (f"max by (instance) (gatepost_worker_blocked_seconds{{{I}}})", "{{instance}}: still for")]),
        graph("Guessers", "Networks and user names with failed logins that are kept in mind, and logins that "
              "had to wait because of that.",
              [(f"sum(gatepost_guarded_networks{{{I}}})", "networks"),
               (f"sum(gatepost_guarded_users{{{I}}})", "users"),
               (rate("gatepost_logins_delayed_total"), "delayed a second")]),
        graph("Files and log", "Changed files that cannot be used, changed files read again without success, "
              "reloads that were refused, and log lines that could not be written.",
              [(f"sum(gatepost_stale_files{{{I}}})", "stale files"),
               (f'sum(increase(gatepost_file_refreshes_total{{{I}, result="failed"}}[1h]))',
                "failed within the hour"),
               (f'sum(increase(gatepost_config_reloads_total{{{I}, result="failed"}}[1h]))',
                "reloads refused within the hour"),
               (f"sum(increase(gatepost_log_lines_lost_total{{{I}}}[1h]))", "lines lost within the hour")]),
        graph("Running since", "How long each gateway has been running.",
              [(f"time() - gatepost_start_time_seconds{{{I}}}", "{{instance}}")], "s"),
        stat("Workers", "Threads that serve clients, all gateways together.",
             [(f"sum(gatepost_workers{{{I}}})", "")], width=6),
        stat("Draining", "Gateways that are going down and let nobody new in.",
             [(f"sum(gatepost_draining{{{I}}})", "")], steps=[(None, GOOD), (1, SOON)], width=6),
        stat("Last reload", "Whether each gateway took its configuration when it was last told to read it.",
             [(f"min(gatepost_config_last_reload_success{{{I}}})", "")], steps=BAD_BELOW_ALL, width=6,
             words={"0": "refused", "1": "fine"}),
        stat("Verdicts in memory", "Verdicts kept in mind, all gateways together.",
             [(f"sum(gatepost_verdict_memory_entries{{{I}}})", "")], width=6),
    ]),
]


def target(index, query, legend):
    return {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": query,
            "legendFormat": legend or "__auto"}


def panel(number, spec, x, y):
    steps = spec.get("steps") or [(None, "green")]
    defaults = {
        "unit": spec["unit"],
        "noValue": spec.get("none", "no data yet"),
        "thresholds": {"mode": "absolute",
                       "steps": [{"value": value, "color": color} for value, color in steps]},
    }
    for name, key in (("min", "low"), ("max", "high")):
        if key in spec:
            defaults[name] = spec[key]
    if "words" in spec:
        defaults["mappings"] = [{"type": "value", "options": {
            value: {"text": text} for value, text in spec["words"].items()}}]
    made = {
        "id": number,
        "type": spec["type"],
        "title": spec["title"],
        "description": spec["description"],
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": spec["width"], "h": spec["height"]},
        "targets": [target(index, *query) for index, query in enumerate(spec["queries"])],
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }
    if spec["type"] == "stat":
        made["options"] = {"colorMode": "value", "graphMode": "none", "justifyMode": "center",
                           "textMode": spec.get("text", "value"),
                           "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    else:
        defaults["custom"] = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10,
                              "showPoints": "never"}
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                           "tooltip": {"mode": "multi", "sort": "desc"}}
        defaults.setdefault("min", 0)
        if spec["title"] == "Certificates":  # what has expired is below 0
            del defaults["min"]
    return made


def panels():
    number, y = 0, 0
    for title, specs in ROWS:
        number += 1
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "panels": [],
               "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}}
        y += 1
        x = height = 0
        for spec in specs:
            if x + spec["width"] > WIDTH:
                x, y, height = 0, y + height, 0
            number += 1
            yield panel(number, spec, x, y)
            x, height = x + spec["width"], max(height, spec["height"])
        y += height


def variable(name, label, query):
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE, "query": query,
            "definition": query, "refresh": 2, "sort": 1, "multi": True, "includeAll": True,
            "allValue": ".*", "current": {"text": "All", "value": "$__all"}}


def dashboard():
    return {
        "uid": "gatepost",
        "title": "Gatepost",
        "description": "A POP3 gateway: who comes, what they fetch, what scanners say, what is wrong.",
        "tags": ["gatepost", "mail"],
        "schemaVersion": 38,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [
            {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus",
             "current": {}, "hide": 0},
            variable("instance", "Gateway", "label_values(gatepost_build_info, instance)"),
            variable("pool", "Pool", "label_values(gatepost_upstream_up{%s}, pool)" % I),
        ]},
        "annotations": {"list": [
            {"name": "Starts", "datasource": SOURCE, "enable": True, "iconColor": "blue",
             "expr": f"changes(gatepost_start_time_seconds{{{I}}}[1m]) > 0",
             "titleFormat": "{{instance}} started", "step": "60s"},
        ]},
        "panels": list(panels()),
    }


def main():
    text = json.dumps(dashboard(), indent=2) + "\n"
    if sys.argv[1:] == ["--check"]:
        same = FILE.exists() and FILE.read_text(encoding="utf-8") == text
        print(f"{FILE.name} is {'up to date' if same else 'not what make_dashboard.py makes'}")
        return 0 if same else 1
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
