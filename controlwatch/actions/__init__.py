"""What the commands do that need clients of servers, pages or settings: one function each, loaded when its command runs."""
