"""Microsoft Graph: drives and their items, copies with monitors, uploads and downloads."""
