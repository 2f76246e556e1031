// Only to have a target that the precompiled headers of the tests can belong to.
