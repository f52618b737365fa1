"""What the `piccolo` command reads: `PICCOLO_CONF=vori.data.piccolo_conf piccolo migrations …`.

`VORI_DATABASE__URL` names the database; Piccolo imports this file, so settings cannot be handed in.
"""

from __future__ import annotations

import os

from piccolo.conf.apps import AppRegistry

from vori.data.engine import DB

if "VORI_DATABASE__URL" in os.environ:
    DB.configure(os.environ["VORI_DATABASE__URL"])

APP_REGISTRY = AppRegistry(apps=["vori.data.piccolo_app"])

__all__ = ["APP_REGISTRY", "DB"]
