"""Live pages of the SOC, served by Starlette."""
