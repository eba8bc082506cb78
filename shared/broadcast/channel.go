package broadcast

// Channel is the Redis channel of a broadcast in namespace (such as "/"): the room's
// own when it goes to exactly one room, the namespace's when room is empty.
func Channel(prefix, namespace, room string) string {
	if room == "" {
		return prefix + "#" + namespace + "#"
	}
	return prefix + "#" + namespace + "#" + room + "#"
}
