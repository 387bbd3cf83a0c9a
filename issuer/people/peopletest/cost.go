package peopletest

import "github.com/tenon-auth/tenon/issuer/people"

// Cost is what a password costs in tests: next to nothing. It needs people.Config.InsecureCost.
func Cost() people.Cost { return people.Cost{Memory: 8, Passes: 1, Lanes: 1, Parallel: 4} }
