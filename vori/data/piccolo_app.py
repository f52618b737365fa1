"""VORI's one Piccolo app: every table, and where the migrations lie."""

from __future__ import annotations

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

APP_CONFIG = AppConfig(
    app_name="vori",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    table_classes=table_finder(
        [
            "vori.people.tables",
            "vori.meetings.tables",
            "vori.transcribe.tables",
            "vori.tickets.tables",
            "vori.data.tables",
        ],
        exclude_imported=True,
    ),
)
