"""What every store promises, by subject; together they are `trio_chat.store.base.Store`."""
