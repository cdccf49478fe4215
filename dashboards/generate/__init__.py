"""Grafana's dashboards as code: `python -m dashboards.generate` writes dashboards/grafana/dashboards/*.json."""
