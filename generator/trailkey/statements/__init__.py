"""One function, one statement, one Sid; what each may do stands in one small table of actions."""
