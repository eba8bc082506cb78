package telemetry

import (
	"fmt"
	"strconv"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// sampler reads OTEL_TRACES_SAMPLER and its argument, by the names of OpenTelemetry's
// specification. A name or share that is wrong is an error here; the SDK itself would
// export everything instead.
//
// The samplers that begin with parentbased_ do as the caller's traceparent says and
// decide on traces without one. Where strangers call, traceidratio leaves them no say.
func (c Config) sampler() (sdk.Sampler, error) {
	share := 1.0
	if c.SamplerArg != "" {
		var err error
		if share, err = strconv.ParseFloat(c.SamplerArg, 64); err != nil || !(share >= 0 && share <= 1) {
			return nil, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG is %q: must be 0 to 1", c.SamplerArg)
		}
	}
	switch c.Sampler {
	case "", "parentbased_always_on":
		return sdk.ParentBased(sdk.AlwaysSample()), nil
	case "parentbased_always_off":
		return sdk.ParentBased(sdk.NeverSample()), nil
	case "parentbased_traceidratio":
		return sdk.ParentBased(sdk.TraceIDRatioBased(share)), nil
	case "always_on":
		return sdk.AlwaysSample(), nil
	case "always_off":
		return sdk.NeverSample(), nil
	case "traceidratio":
		return sdk.TraceIDRatioBased(share), nil
	}
	return nil, fmt.Errorf("OTEL_TRACES_SAMPLER is %q: must be always_on, always_off, traceidratio, or one of these after parentbased_", c.Sampler)
}
