package bench

// scenario is one way to broadcast.
type scenario struct {
	Name       string
	about      string
	nodes      int   // more than one share a Redis
	rooms      int   // 0: one room of all members
	perRoom    int   // members of each of several rooms
	publishers int   // of one room; several rooms have one each
	rate       int   // bursts per second of each publisher; 0 floods
	burst      int   // messages
	inFlight   int64 // of each publisher, when it floods
}

// scenarios are those of the figures that the fan-out was designed by.
var scenarios = []scenario{
	{Name: "S1", about: "one room, 20 messages/s", nodes: 1, publishers: 1, rate: 20, burst: 1},
	{Name: "S2", about: "one room, 10 times 5 messages/s", nodes: 1, publishers: 1, rate: 10, burst: 5},
	{Name: "S3", about: "one room, one publisher, 8 in flight", nodes: 1, publishers: 1, inFlight: 8},
	{Name: "S4", about: "200 rooms of 10, 20 messages/s each", nodes: 1, rooms: 200, perRoom: 10, rate: 20, burst: 1},
	{Name: "S5", about: "S1 over two nodes and Redis", nodes: 2, publishers: 1, rate: 20, burst: 1},
	{Name: "S6", about: "200 rooms of 10, 2 in flight in each, two nodes and Redis", nodes: 2, rooms: 200, perRoom: 10, inFlight: 2},
	{Name: "S8", about: "one room, 8 publishers with 8 in flight, two nodes and Redis", nodes: 2, publishers: 8, inFlight: 8},
}

// shape fits a scenario to the size of the run: rooms, members of each, publishers.
func (b *bench) shape(s scenario) (rooms, perRoom, publishers int) {
	if s.rooms == 0 {
		return 1, b.members, s.publishers
	}
	rooms = min(s.rooms, b.members/s.perRoom*2)
	return rooms, s.perRoom, rooms
}
