/** The name of the lobby: the room in which everybody begins, and which nobody can leave. */
export const HOME = "lobby";
