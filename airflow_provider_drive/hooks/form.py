"""The form of a connection in Airflow before 3.2; newer ones read the provider's metadata."""

from __future__ import annotations

from typing import Any

from airflow_provider_drive.get_provider_info import CONNECTION_FIELDS, FIELD_BEHAVIOUR


def form_widgets() -> dict[str, Any]:
    """Return the fields of the form, by their names."""
    return {name: _widget(**field) for name, field in CONNECTION_FIELDS.items()}


def field_behaviour() -> dict[str, Any]:
    """Return the layout of the form's standard fields."""
    return {key.replace("-", "_"): value for key, value in FIELD_BEHAVIOUR.items()}


def _widget(label: str, description: str, schema: dict[str, Any]) -> Any:
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget  # noqa: PLC0415  # Airflow 2 has it
    from wtforms import PasswordField, StringField, validators  # noqa: PLC0415  # as above

    if schema.get("format") == "password":
        return PasswordField(label, description=description, widget=BS3PasswordFieldWidget())
    checks = []
    if "enum" in schema:  # these forms have no drop-down lists
        _, *known = schema["enum"]
        checks = [validators.any_of(["", *known])]
        description = f"{description} One of: {', '.join(known)}."
    return StringField(label, checks, description=description, widget=BS3TextFieldWidget())
