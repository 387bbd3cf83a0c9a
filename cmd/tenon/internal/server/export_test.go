package server

// BreakStore makes every use of the store fail, as a disk that is gone does.
func (s *Server) BreakStore() error { return s.data.Store.Close() }

// Close gives up a server that was never run.
func (s *Server) Close() error { return s.close() }
