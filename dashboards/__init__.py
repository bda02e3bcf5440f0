"""What people see: pages for the SOC and the monthly report, both reading a violation store."""
