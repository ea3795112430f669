"""Published rows and encoders: fetched by address or from the hub, checked against their pins, kept in a store."""
