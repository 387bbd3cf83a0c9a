package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/issuer/people"
)

// personFlags are the options that describe a person.
type personFlags struct {
	profile  people.Profile
	disabled bool
}

func (f *personFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.profile.Name, "name", "", "the person's whole `name`")
	flags.StringVar(&f.profile.GivenName, "given-name", "", "the given `name`")
	flags.StringVar(&f.profile.FamilyName, "family-name", "", "the family `name`")
	flags.StringVar(&f.profile.Email, "email", "", "an e-mail `address`")
	flags.BoolVar(&f.profile.EmailVerified, "email-verified", false, "the address is known to be the person's")
}

// settings says what each option sets.
func (f *personFlags) settings() map[string]func(*people.Person) {
	from := &f.profile
	return map[string]func(*people.Person){
		"name":           func(p *people.Person) { p.Name = from.Name },
		"given-name":     func(p *people.Person) { p.GivenName = from.GivenName },
		"family-name":    func(p *people.Person) { p.FamilyName = from.FamilyName },
		"email":          func(p *people.Person) { p.Email, p.EmailVerified = from.Email, false },
		"email-verified": func(p *people.Person) { p.EmailVerified = from.EmailVerified },
		"disabled":       func(p *people.Person) { p.Disabled = f.disabled },
	}
}

func (f *personFlags) given(cmd *cobra.Command) bool {
	for name := range f.settings() {
		if cmd.Flags().Changed(name) {
			return true
		}
	}
	return false
}

// apply puts the options that are on the command line into what is known of a person. Whether an address is verified is said
// of the address that stands beside it.
func (f *personFlags) apply(cmd *cobra.Command, p *people.Person) {
	settings := f.settings()
	for _, name := range []string{"name", "given-name", "family-name", "email", "email-verified", "disabled"} {
		if cmd.Flags().Changed(name) {
			settings[name](p)
		}
	}
}

func newUserAddCommand(path *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add USER",
		Short: "Let somebody log in",
		Long: `Let somebody log in. The password is asked for on the terminal, or read from standard input with --password-stdin, or made
with --generate-password and printed once. A password never stands on a command line, where others can read it.`,
		Example: `  tenon user add alice --name "Alice Adler" --email alice@example.com
  echo "$PASSWORD" | tenon user add alice --password-stdin`,
		Args: usageArgs(cobra.ExactArgs(1)),
	}
	var flags personFlags
	var password passwordFlags
	flags.register(cmd)
	password.register(cmd)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		secret, err := password.read(cmd)
		if err != nil {
			return err
		}
		return administer(cmd, *path, func(ctx context.Context, o office) error {
			p := people.Person{Username: args[0]}
			flags.apply(cmd, &p)
			login, err := o.AddPerson(ctx, p, secret)
			if err != nil {
				return aboutPerson(args[0], err)
			}
			if err := showLogin(cmd.OutOrStdout(), login, *asJSON); err != nil {
				return err
			}
			return password.tell(cmd, secret)
		})
	}
	return cmd
}
