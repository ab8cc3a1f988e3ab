"""The panel: the replies of the control API as web pages."""
