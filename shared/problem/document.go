package problem

import "encoding/json"

// ContentType is the media type of a problem document (RFC 9457, section 3).
const ContentType = "application/problem+json"

// document is the wire form; the order of the fields is the order on the wire.
type document struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Code     Code   `json:"code"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"`
}

// MarshalJSON returns the problem document, the members of its own last and in the order
// of their names. The reason and RetryAfter are not in it.
func (p *Problem) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(document{p.Type, p.Title, p.Status, p.Code, p.Detail, p.Instance})
	if err != nil || len(p.Members) == 0 {
		return text, err
	}
	more, err := json.Marshal(p.Members)
	if err != nil {
		return nil, err
	}
	text[len(text)-1] = ','
	return append(text, more[1:]...), nil
}

// UnmarshalJSON reads a problem document, for clients and tests.
func (p *Problem) UnmarshalJSON(data []byte) error {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return err
	}
	*p = Problem{Type: d.Type, Title: d.Title, Status: d.Status, Code: d.Code, Detail: d.Detail, Instance: d.Instance}
	return nil
}
