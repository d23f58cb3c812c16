"""scikit-learn estimators around a model."""


class Classifier:
    pass


class Regressor:
    pass
