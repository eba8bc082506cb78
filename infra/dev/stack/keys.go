package stack

import (
	"errors"
	"fmt"
	"os"

	"github.com/vegascore/vegascore/infra/dev/pubsub"
	"github.com/vegascore/vegascore/shared/auth"
)

// makeKeys makes the key of player tokens and that of push tokens unless the state
// folder has them.
func (s *Stack) makeKeys() error {
	private, public := s.state.path("keys", "token.jwk"), s.state.path("keys", "token-jwks.json")
	_, errPrivate := os.Stat(private)
	_, errPublic := os.Stat(public)
	if errors.Is(errors.Join(errPrivate, errPublic), os.ErrNotExist) {
		key, set, err := auth.GenerateKey("local")
		if err != nil {
			return err
		}
		for file, content := range map[string][]byte{private: key, public: set} {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				return fmt.Errorf("write the token key: %w", err)
			}
		}
	}
	var err error
	s.signer, err = pubsub.NewSigner(s.state.path("keys"), pushIssuer, pushEmail)
	return err
}
