"""An OpenAPI document made executable; it knows nothing of SMS."""
