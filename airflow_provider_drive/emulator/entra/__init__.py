"""Entra ID: tokens for applications, users and managed identities."""
